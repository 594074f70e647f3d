"""Predictions as files."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from thalweg.packages.written import LEGIBLE, cell, csv_text, pictures, table_lines, write_columns


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_dat_56_text_that_a_spreadsheet_would_run_is_made_plain(sign):
    assert cell(f"{sign}cmd|' /C calc'!A0").startswith("'" + sign)


def test_dat_56_names_of_columns_are_made_plain_too_and_numbers_stay_numbers():
    rows = list(csv.reader(io.StringIO(csv_text({"=x": np.array([-1.5, 2.0])}))))
    assert rows == [["'=x"], ["-1.5"], ["2"]]


def test_values_that_have_names_get_a_column_each():
    columns = {"kind": ["a"], "probabilities": np.array([[0.25, 0.75]])}
    rows = list(csv.reader(io.StringIO(csv_text(columns, {"probabilities": ["probability_a", "=probability_b"]}))))
    assert rows == [["kind", "probability_a", "'=probability_b"], ["a", "0.25", "0.75"]]
    assert "[0.25, 0.75]" in csv_text(columns, {"probabilities": ["one"]})
    assert "[0.25, 0.75]" in csv_text(columns, {"probabilities": ["kind", "other"]})


def test_lines_and_quotes_within_a_cell_survive():
    text = 'a "b",\nc\u2028d'
    assert list(csv.reader(io.StringIO(csv_text({"t": [text]}))))[1] == [text]


@pytest.mark.parametrize(
    "column",
    [
        np.array([1.5, np.nan, np.inf, -2e-9]),
        np.array([0.1], dtype=np.float32),
        np.array([3, -4]),
        np.array([True, False]),
        np.array(["=1", "", "b", "=1"]),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.array([[0.25, 0.75]]),
        ["=1", None, 3, 1.5],
    ],
    ids=str,
)
def test_a_column_is_written_as_its_values_are_one_by_one(column):
    written = [row[0] for row in csv.reader(io.StringIO(csv_text({"x": column, "y": [1] * len(column)})))][1:]
    assert written == [cell(value) for value in column]


def test_what_is_not_finite_is_null_in_json(tmp_path):
    write_columns(tmp_path / "p.json", {"x": np.array([1.0, np.nan, np.inf]), "y": [[1, 2], [3], []]})
    assert json.loads((tmp_path / "p.json").read_text()) == {"x": [1.0, None, None], "y": [[1, 2], [3], []]}


def test_ragged_columns_are_packed_without_python_objects(tmp_path):
    write_columns(tmp_path / "p.npz", {"x": [[1, 2], [3]], "word": ["a", None]})
    with np.load(tmp_path / "p.npz", allow_pickle=False) as found:
        assert found["x"].tolist() == ["[1, 2]", "[3]"]


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 4, 6, 1), (5, 4, 6, 3)])
def test_pictures_are_written_as_a_sheet_and_alone(tmp_path, shape):
    given = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    made = write_columns(tmp_path / "samples.png", {"image": given, "score": np.ones(5)})
    assert len(made) == 6
    alone = np.asarray(Image.open(tmp_path / "samples" / "3.png"))
    assert np.array_equal(alone, given[3].squeeze())
    sheet = np.asarray(Image.open(made[0]))
    times = LEGIBLE // 6  # small pictures are shown larger, pixel by pixel
    assert sheet.shape[:2] == (2 * (4 * times + 1) + 1, 3 * (6 * times + 1) + 1)
    assert np.array_equal(sheet[1 : 1 + 4 * times : times, 1 : 1 + 6 * times : times], given[0].squeeze())


def test_rows_of_numbers_are_no_pictures():
    assert pictures({"x": np.zeros((3, 4), dtype=np.uint8), "y": np.zeros((3, 4, 4))}) == {}


def test_a_table_shows_the_first_rows_and_how_many_more():
    lines = table_lines({"n": np.arange(30), "t": ["\x1b[31mred"] * 30}, rows=3, width=40)
    assert len(lines) == 5
    assert "27 more" in lines[-1]
    assert "\x1b" not in "".join(lines)
