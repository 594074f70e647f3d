"""Workbooks: a sheet's cells are read as they are shown, several sheets are asked about, nothing in them is run."""

import datetime
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from tests.refusing import expect_refusal
from thalweg.data import _workbook
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

ROWS = 40
CALCULATED = re.compile(r"<f>(.*?) -&gt; (.*?)</f><v(?:\s*/|></v)>")


def book(path: Path, sheets: dict[str, Sequence[Sequence[object]]], *, hidden: Sequence[str] = (), merged: str = "") -> Path:
    """A workbook; a formula that is written `=B2*2 -> 4` was calculated, as by the spreadsheet that saved it."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        if merged:
            sheet.merge_cells(merged)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    made.save(path)
    return changed(path, lambda text: CALCULATED.sub(lambda m: f"<f>{m[1]}</f><v>{m[2]}</v>", text))


def changed(path: Path, change: Callable[[str], str]) -> Path:
    """The same workbook with the text of its sheets changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            inside = name.startswith("xl/worksheets/")
            archive.writestr(name, change(content.decode()).encode() if inside else content)
    return path


def table() -> list[list[object]]:
    rows: list[list[object]] = [["day", "price", "double", "colour", "bought"]]
    day = datetime.date(2024, 1, 1)
    return rows + [
        [
            day + datetime.timedelta(i),
            i / 7,
            f"=B{i + 2}*2 -> {2 * i / 7}",
            ("red", "green", "blue")[i % 3],
            ("no", "yes")[i % 2],
        ]
        for i in range(ROWS)
    ]


def reading(path: Path, **settings: object) -> Examples:
    examples = read(path, DataSettings(**settings))
    assert isinstance(examples, Examples)
    return examples


def test_dat_47_cells_are_read_as_they_are_shown_and_formulas_as_values(tmp_path: Path):
    examples = reading(book(tmp_path / "sales.xlsx", {"2024": table()}))
    assert examples.columns["day"][:2] == ["2024-01-01", "2024-01-02"]
    dataset = encode(examples, DataSettings(), seed=0)
    kinds = {name: one.kind for one in dataset.encodings.values() for name in one.fields}
    assert kinds == {"day": "date", "price": "number", "double": "number", "colour": "category", "bought": "category"}
    assert np.allclose(dataset.examples.columns["double"], 2 * dataset.examples.columns["price"])
    assert examples.notes == ["sheet 2024"]


def test_dat_47_of_several_sheets_one_is_asked_for_and_hidden_ones_are_said(tmp_path: Path):
    sheets = {"old": [["a"], [1]], "new": table(), "notes": [["b"], ["x"]]}
    with expect_refusal("DATA_SHEET", exit_code=3) as caught:
        reading(book(tmp_path / "a.xlsx", sheets, hidden=("notes",)))
    assert "2 sheets that are not hidden: old, new" in caught.value.what
    assert '--sheet "old"' in caught.value.fix
    examples = reading(tmp_path / "a.xlsx", sheet="new")
    assert len(examples) == ROWS
    assert "1 hidden sheet is left out (--sheet NAME)" in examples.notes
    with expect_refusal("DATA_SHEET", exit_code=3) as caught:
        reading(tmp_path / "a.xlsx", sheet="New")
    assert 'did you mean "new"' in caught.value.what


def test_dat_47_merged_cells_errors_and_formulas_that_were_never_calculated_are_said(tmp_path: Path):
    rows = [["group", "value"], ["a", 1], [None, "#N/A"], [None, 3], ["b", "=A1+1"]]
    examples = reading(book(tmp_path / "a.xlsx", {"one": rows}, merged="A2:A4"))
    assert examples.columns == {"group": ["a", "a", "a", "b"], "value": ["1", "", "3", ""]}
    assert [note.split(" and count")[0].split(":")[0] for note in examples.notes[1:]] == [
        "1 merged ranges",
        "1 cells hold an error of the spreadsheet",
        "1 formulas of the workbook were never calculated",
    ]


def test_a_table_that_begins_within_its_sheet_is_found(tmp_path: Path):
    examples = reading(book(tmp_path / "a.xlsx", {"one": [[], [None, "a", "b"], [], [None, 1, True], [None, 2.5, False]]}))
    assert examples.columns == {"a": ["1", "2.5"], "b": ["true", "false"]}


def test_dat_47_a_workbook_that_may_do_harm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    with expect_refusal("DATA_BOMB", exit_code=3):
        reading(changed(book(tmp_path / "a.xlsx", {"one": table()}), lambda text: laughs + text))
    far = changed(book(tmp_path / "b.xlsx", {"one": [["a", "b"], [1, 2]]}), lambda text: text.replace('r="B2"', 'r="XFD2"'))
    monkeypatch.setattr(_workbook, "MOST_CELLS", 10_000)
    with expect_refusal("DATA_BOMB", exit_code=3) as caught:
        reading(far)
    assert "16,384 columns" in caught.value.what


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'


@pytest.mark.parametrize("content", [f'{SHEET}<sheetData><row><c r="1A"/></row></sheetData></worksheet>', f"{SHEET}<she"])
def test_dat_47_a_damaged_sheet_is_refused(tmp_path: Path, content: str):
    with expect_refusal("DATA_DAMAGED_FILE", exit_code=3):
        reading(changed(book(tmp_path / "a.xlsx", {"one": table()}), lambda _: content))


def test_a_sheet_without_rows_or_of_names_alone_is_refused(tmp_path: Path):
    for name, rows in (("empty.xlsx", []), ("names.xlsx", [["a", "b"]])):
        with expect_refusal("DATA_NO_ROWS", exit_code=3):
            reading(book(tmp_path / name, {"one": rows}))
    with expect_refusal("DATA_COLUMN_TWICE", exit_code=3):
        reading(book(tmp_path / "twice.xlsx", {"one": [["a", "a"], [1, 2]]}))
