from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from thalweg.core.errors import DataRefusal
from thalweg.fields.column import Column
from thalweg.fields.inference import infer

RANDOM = np.random.default_rng(0)
TIME = np.linspace(0, 6, 50)
SINES = np.stack([np.sin(TIME * RANDOM.uniform(0.5, 3) + RANDOM.uniform(0, 6)) for _ in range(100)])


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (np.linspace(0, 1, 50), "number"),
        (RANDOM.integers(0, 500, 200), "number"),
        (np.arange(200) % 3, "category"),
        (np.arange(50) % 2 == 0, "category"),
        (["a", "b", None] * 10, "category"),
        ([1, None, 2.5] * 10, "number"),
        (np.zeros((9, 8, 8), dtype=np.uint8), "image"),
        (np.zeros((9, 8, 8, 3), dtype=np.uint8), "image"),
        (np.zeros((9, 8, 8, 3), dtype=np.float32), "image"),
        (RANDOM.normal(size=(30, 12, 2)), "series"),
        (SINES, "series"),
        (SINES + RANDOM.normal(0, 0.3, SINES.shape), "series"),
        (SINES.cumsum(1), "series"),
        (RANDOM.normal(size=(100, 30)), "vector"),
        (RANDOM.normal(size=(100, 4)), "vector"),
        ([["a", "b"], ["c"]], "tokens"),
        ([np.zeros((4, 5), dtype=np.uint8), np.zeros((6, 5), dtype=np.uint8)], "image"),
    ],
)
def test_the_kind_of_an_input_is_inferred(column: Column, kind: str):
    assert infer("x", column).kind == kind


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (np.arange(100) % 10, "category"),
        (np.arange(1000) % 100, "category"),
        ((np.arange(100) % 3).astype(float), "category"),
        (load_diabetes().target, "number"),
        (RANDOM.integers(17, 90, 400), "number"),
        (["yes", "no"] * 10, "category"),
        ([["a", "b"], ["c"], []], "labels"),
        (np.eye(6), "labels"),
        ([np.array([[0, 0, 5, 5.0]]), np.zeros((0, 4))], "boxes"),
        (RANDOM.normal(size=(30, 3)), "vector"),
    ],
)
def test_the_kind_of_a_target_is_inferred(column: Column, kind: str):
    assert infer("y", column, target=True).kind == kind


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_diabetes])
def test_the_columns_of_a_table_are_no_series_and_the_sentence_says_how_to_say_otherwise(load):
    guess = infer("x", load().data)
    assert guess.kind == "vector"
    assert "--field x=series" in guess.sentence


@pytest.mark.parametrize(("name", "said"), [("Compound ID", "'Compound ID=category'"), ("a\x1b[2J", r"'a\x1b[2J=category'")])
def test_what_corrects_a_sentence_can_be_typed_whatever_the_column_is_called(name, said):
    guess = infer(name, [f"{row}-{row * 7919 % 1000}" for row in range(500)])
    assert guess.kind is None
    assert f"(--field {said} to use it)" in guess.sentence


def test_the_sentence_on_a_series_says_how_to_say_otherwise():
    assert "--field x=vector" in infer("x", SINES).sentence


@pytest.mark.parametrize("column", [np.arange(50), [f"id{i}" for i in range(50)], [f"invoice {i}" for i in range(50)]])
def test_columns_that_name_their_rows_are_left_out_but_never_as_a_target(column: Column):
    assert infer("id", column).kind is None
    assert infer("id", column, target=True).kind is not None


def test_dat_27_ids_with_leading_zeros_stay_text():
    assert infer("zip", ["00123", "00456"] * 30).kind == "category"


def test_paths_of_pictures_are_images(tmp_path: Path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    assert infer("x", [str(tmp_path / "a.png")] * 30).kind == "image"
    assert infer("x", [tmp_path / "a.png"]).kind == "image"


def test_values_of_no_kind_are_refused_with_the_first_of_them():
    with pytest.raises(DataRefusal, match="no kind") as refused:
        infer("y", [object()], target=True)
    assert "--field y=KIND" in refused.value.fix
