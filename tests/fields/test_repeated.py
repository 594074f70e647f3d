"""Columns that know their distinct words: arrays of text to all others, and the same codes in a hundredth of the looks."""

import numpy as np
import pytest

from thalweg.fields.column import as_column, take
from thalweg.fields.kinds.category import Category
from thalweg.fields.repeated import Recurring, Repeated
from thalweg.fields.spelling import Spelling

TEXTS = ["blue", "red", "", "blue", "green", "n/a", "red", "blue", "red", "blue", "red", "green"]


def column():
    found = Spelling().read(list(TEXTS))
    assert isinstance(found, Repeated)
    return found


def test_text_that_recurs_is_read_as_an_array_that_knows_its_words():
    found = column()
    assert found.tolist() == ["" if text == "n/a" else text for text in TEXTS]
    assert found.words[found.places].tolist() == found.tolist()


def test_rows_that_are_taken_keep_their_words():
    found = column()
    for part in (found[2:7], found[[5, 1, 1]], found[found == "red"], take(found, [3, 0])):
        assert isinstance(part, Repeated)
        assert part.words[part.places].tolist() == part.tolist()


def test_what_is_no_column_of_these_words_any_more_does_not_claim_to_know_them():
    found = column()
    for other in (found.copy(), found.reshape(3, 4), np.sort(found), found.astype("U9"), np.concatenate([found, found])):
        assert getattr(other, "places", None) is None
    assert str(found[1]) == "red"


def test_a_category_codes_it_as_it_codes_plain_text():
    kind = Category("colour", ["colour"]).fit([np.array(["blue", "red"])])
    found, plain = column(), np.array(column().tolist())
    assert type(plain) is np.ndarray
    assert kind.encode([found]).tolist() == kind.encode([plain]).tolist() == kind.encode([plain.tolist()]).tolist()
    assert kind.unseen([found]) == kind.unseen([plain]) == {"colour": ["green", "green"]}
    assert kind.unseen([found[found != "green"]]) == {"colour": []}


def test_text_that_hardly_recurs_is_a_plain_array():
    assert type(Spelling().read(["a", "b", "c", "a"])) is np.ndarray


RECURRING = Recurring.of(["blue", "n/a", None, " red", "7"], np.array([0, 1, 2, 3, 4] * 4))


def test_a_list_that_knows_its_texts_is_the_list_of_them():
    assert RECURRING[:5] == ["blue", "n/a", None, " red", "7"]
    assert as_column(RECURRING) is RECURRING
    assert not hasattr(RECURRING[:3], "places")


@pytest.mark.parametrize("sort", ["text", "number", "date", "truth"])
def test_texts_of_which_each_is_known_mean_what_the_same_list_means(sort):
    spelling = Spelling(sort)
    for column in (
        RECURRING,
        Recurring.of(["1.5", None, "3"], np.array([0, 0, 1, 2])),
        Recurring.of(["2024-05-01"], np.zeros(9, int)),
    ):
        found, plain = spelling.read(column), spelling.read(list(column))
        assert type(found) is type(plain)
        np.testing.assert_array_equal(found, plain)
