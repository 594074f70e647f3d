import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from thalweg.core.errors import DataRefusal
from thalweg.fields.arrays import shown
from thalweg.fields.kinds.boxes import Boxes
from thalweg.fields.kinds.category import Category
from thalweg.fields.kinds.number import Number
from thalweg.fields.kinds.series import Series
from thalweg.fields.kinds.tokens import END, FIRST, Tokens


def test_numbers_agree_with_scikit_learn():
    values = np.random.default_rng(0).normal(5, 3, (40, 3))
    values[:, 2] = 7.0
    encoded = Number("numbers", ["a", "b", "c"]).fit(list(values.T)).encode(list(values.T))
    assert np.allclose(encoded, StandardScaler().fit_transform(values), atol=1e-6)


def test_a_constant_column_is_zero_also_where_it_varies_later():
    encoding = Number("numbers", ["a"]).fit([np.full(5, 3.0)])
    assert encoding.encode([np.array([3.0, 9.0])]).tolist() == [[0.0], [0.0]]


def test_dat_26_numbers_too_large_for_float32_are_standardised_before_they_are_narrowed():
    values = np.array([1e300, 2e300, 3e300, 2**53 + 1.0])
    assert torch.isfinite(Number("numbers", ["a"]).fit([values]).encode([values])).all()


def test_categories_keep_their_type_and_numbers_sort_by_size():
    encoding = Category("y", ["y"], "target").fit([np.array([10, 9, 2, 10])])
    assert encoding.state() == {"values": [[2, 9, 10]], "counts": [1, 1, 2]}
    assert encoding.decode(torch.tensor([2, 0])).tolist() == [10, 2]
    assert encoding.encode([[10.0, 2]]).tolist() == [2, 0]


def test_num_03_an_unknown_class_is_refused_by_row():
    encoding = Category("y", ["y"], "target").fit([np.array([0, 1, 2])])
    with pytest.raises(DataRefusal, match=r"row 1: .*3.*; row 2: .*-1"):
        encoding.encode([np.array([0, 3, -1])])


def test_channels_of_a_series_are_standardised_each_by_itself():
    values = np.random.default_rng(0).normal(0, 1, (20, 9, 2)) * [1, 100] + [5, -5]
    encoded = Series("x", ["x"]).fit([values]).encode([values])
    assert encoded.shape == (20, 2, 9)
    assert torch.allclose(encoded.mean((0, 2)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(encoded.std((0, 2), unbiased=False), torch.ones(2), atol=1e-5)


def test_a_text_is_a_sequence_of_characters_that_ends_at_its_end():
    encoding = Tokens("x", ["x"]).fit([["ab", "cab"]])
    assert encoding.encode([["cab", "z"]]).values.tolist() == [FIRST + 2, FIRST, FIRST + 1, 3]
    assert encoding.decode(torch.tensor([[FIRST, FIRST + 1, END, FIRST]])) == ["ab"]


def test_boxes_in_pixels_become_shares_of_their_own_picture():
    pictures = [np.zeros((10, 20), dtype=np.uint8), np.zeros((40, 40), dtype=np.uint8)]
    rows = [np.array([[0, 0, 10, 5]]), np.array([[20, 20, 50, 40]])]
    encoding = Boxes("y", ["y", "x"], "target").fit([rows, pictures])
    assert encoding.encode([rows, pictures]).values.tolist() == [[0, 0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("box", "named"),
    [
        ([5, 0, 2, 5, 0], "no area"),
        ([0, 0, np.nan, 5, 0], "not finite"),
        ([90, 90, 99, 99, 0], "outside"),
        ([0, 0, 5, 5, 9], "class 9"),
    ],
)
def test_img_18_boxes_that_cannot_be_are_refused_by_row_and_number(box: list[float], named: str):
    good, picture = np.array([[0, 0, 5.0, 5, 1]]), np.zeros((10, 20), dtype=np.uint8)
    encoding = Boxes("y", ["y", "x"], "target").fit([[good], [picture]])
    with pytest.raises(DataRefusal, match=f"row 1: box 1 .*{named}"):
        encoding.encode([[good, np.array([good[0], box])], [picture, picture]])


def test_values_of_numpy_are_shown_as_people_write_them():
    assert shown(np.int64(3)) == "3"
    assert shown([np.float64(0.5), np.int64(2)]) == "[0.5, 2]"
    assert shown(np.str_("red")) == "'red'"
