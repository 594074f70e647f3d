"""Columns that cannot be told apart, or that hold what no tensor can: refused, or said, before anything is encoded."""

import unicodedata

import numpy as np
import pyarrow
import pytest
from PIL import Image, PngImagePlugin

from tests.refusing import expect_refusal
from thalweg.data import columns
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

ROWS = 60


def encoded(data, **settings):
    asked = DataSettings(**settings)
    return encode(read(data, asked), asked, seed=0)


def numbers(**further):
    return {"a": np.sin(np.arange(ROWS)), **further, "kind": ["x", "y"] * (ROWS // 2)}


def test_dat_03_a_file_of_no_bytes_is_called_empty(tmp_path):
    (tmp_path / "data.npz").touch()
    with expect_refusal("DATA_EMPTY_FILE", exit_code=3):
        read(tmp_path / "data.npz")


def test_dat_13_two_columns_of_one_name_are_refused():
    with expect_refusal("DATA_COLUMN_NAME", exit_code=3) as caught:
        read(pyarrow.table([[1], [2]], names=["width", "width"]))
    assert "width" in caught.value.what


def test_dat_14_names_that_are_easily_mistaken_are_told_in_pairs():
    composed, two_signs = "Größe", unicodedata.normalize("NFD", "Größe")
    notes = encoded(numbers(**{composed: np.ones(ROWS), two_signs: np.ones(ROWS), "A ": np.zeros(ROWS)})).notes
    (said,) = [note for note in notes if note.startswith("names that differ")]
    assert "'a' and 'A '" in said
    assert said.count("; ") == 1


@pytest.mark.parametrize("name", ["", "  ", "\t"])
def test_dat_15_an_empty_name_is_refused_by_its_place(name):
    with expect_refusal("DATA_COLUMN_NAME", exit_code=3) as caught:
        encoded(numbers(**{name: np.ones(ROWS)}))
    assert caught.value.where == "field 2, counted from 1"


@pytest.mark.parametrize("cell", [{"x": 1}, {1, 2}, b"bytes", print])
def test_dat_30_cells_that_are_objects_are_refused_by_field(cell):
    with expect_refusal("DATA_OBJECTS", exit_code=3) as caught:
        encoded(numbers(nested=[cell] * ROWS))
    assert f"nested ({type(cell).__name__})" in caught.value.what
    assert "--ignore nested" in caught.value.fix


def test_dat_30_lists_among_plain_values_are_refused_by_row():
    with expect_refusal("DATA_WRONG_KIND", exit_code=3) as caught:
        encoded(numbers(nested=["a", "b", ["a", "b"]] * (ROWS // 3)), fields={"nested": "category"})
    assert "row 2: ['a', 'b']" in caught.value.what


def test_dat_32_more_columns_than_are_told_apart_are_refused_with_another_way():
    with expect_refusal("DATA_TOO_MANY_FIELDS", exit_code=3) as caught:
        encoded((np.zeros((10, columns.MOST_FIELDS + 1), dtype=np.float32), ["x", "y"] * 5))
    assert "--field NAME=vector" in caught.value.fix


def test_num_03_a_class_below_zero_or_beyond_the_last_is_a_class_of_its_own_or_refused():
    codes = np.asarray([-1, 0, 1] * (ROWS // 3))
    assert encoded(numbers() | {"kind": codes}, fields={"kind": "category"}).encodings.target.port.size == 3
    dataset = encoded(numbers() | {"kind": codes}, fields={"kind": "category"})
    with expect_refusal("DATA_UNKNOWN_CLASS", exit_code=3) as caught:
        dataset.encodings.target.encode([np.asarray([0, 3, -2])])
    assert list(caught.value.details["rows"]) == [1, 2]


def test_img_06_texts_and_profiles_inside_pictures_are_not_unpacked(tmp_path):
    files = []
    for number in range(ROWS):
        files.append(tmp_path / f"{number}.png")
        text = PngImagePlugin.PngInfo()
        if number == 0:
            text.add_text("comment", "x" * (100 << 20), zip=True)
        picture = Image.fromarray(np.full((8, 8), number, dtype=np.uint8))
        picture.save(files[-1], pnginfo=text, icc_profile=b"garbage" if number == 1 else None)
    dataset = encoded({"picture": files, "kind": ["x", "y"] * (ROWS // 2)}, target="kind")
    assert dataset.store.length == ROWS - len(dataset.facts.get("bad_files", []))
    assert {one["row"] for one in dataset.facts.get("bad_files", [])} <= {0}


def test_img_11_a_class_whose_pictures_are_all_broken_is_named_as_far_as_it_is_left(tmp_path):
    for name, broken in (("cat", 0), ("dog", 3)):
        (tmp_path / name).mkdir()
        for number in range(20):
            file = tmp_path / name / f"{number}.png"
            Image.fromarray(np.full((8, 8), number, dtype=np.uint8)).save(file)
            if number < broken:
                file.write_bytes(file.read_bytes()[:30])
    dataset = encoded(tmp_path)
    (said,) = [note for note in dataset.notes if "left out" in note]
    assert said.startswith("3 of 40 left out, they cannot be read: row ")
    assert dataset.store.length == 37
