"""Workbooks: a sheet's cells are read as they are shown, several sheets are asked about, nothing in them is run."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.refusing import expect_refusal
from thalweg.data import _workbook
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ROWS = 40


def cell(place: str, value: object, style: int | None = None) -> str:
    styled = "" if style is None else f' s="{style}"'
    if isinstance(value, str) and value.startswith("="):
        formula, _, shown = value[1:].partition(" -> ")
        return f'<c r="{place}"{styled}><f>{formula}</f>' + (f"<v>{shown}</v>" if shown else "") + "</c>"
    if isinstance(value, str):
        return f'<c r="{place}" t="s"{styled}><v>{value}</v></c>'
    return f'<c r="{place}"{styled}><v>{value}</v></c>'


def sheet(rows: list[list[object]], *, merged: str = "", styles: dict[int, int] | None = None) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = [
            cell(f"{chr(65 + i)}{number}", one, (styles or {}).get(i) if number > 1 else None)
            for i, one in enumerate(row)
            if one is not None
        ]
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    merge = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    return f'<worksheet xmlns="{SPREADSHEET}"><sheetData>{"".join(lines)}</sheetData>{merge}</worksheet>'


def book(path: Path, sheets: dict[str, str], *, hidden: tuple[str, ...] = (), head: str = "") -> Path:
    """A workbook as spreadsheets write them; texts are shared, macros lie beside."""
    texts: list[str] = []

    def shared(match: re.Match[str]) -> str:
        texts.append(match[2])
        return f"{match[1]}<v>{len(texts) - 1}</v>"

    listed = "".join(
        f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"{" state=" + chr(34) + "hidden" + chr(34) if name in hidden else ""}/>'
        for i, name in enumerate(sheets)
    )
    links = "".join(f'<Relationship Id="r{i}" Target="worksheets/sheet{i}.xml"/>' for i in range(len(sheets)))
    formats = '<numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", f'{head}<workbook xmlns="{SPREADSHEET}" xmlns:r="{RELATED}">{listed}</workbook>')
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{links}</Relationships>")
        for i, content in enumerate(sheets.values()):
            ready = re.sub(r'(<c [^>]*t="s"[^>]*>)<v>(.*?)</v>', shared, content)
            archive.writestr(f"xl/worksheets/sheet{i}.xml", ready)
        items = "".join(f"<si><r><t>{text[:1]}</t></r><r><t>{text[1:]}</t></r></si>" for text in texts)
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{SPREADSHEET}">{items}</sst>')
        xfs = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs>'
        archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{SPREADSHEET}">{formats}{xfs}</styleSheet>')
        archive.writestr("xl/vbaProject.bin", b"macro")
    return path


def table() -> list[list[object]]:
    rows: list[list[object]] = [["day", "price", "double", "colour", "bought"]]
    return rows + [
        [45292 + i, i / 7, f"=B{i + 2}*2 -> {2 * i / 7}", ("red", "green", "blue")[i % 3], ("no", "yes")[i % 2]]
        for i in range(ROWS)
    ]


def reading(path: Path, **settings: object) -> Examples:
    examples = read(path, DataSettings(**settings))
    assert isinstance(examples, Examples)
    return examples


@pytest.mark.parametrize("style", [1, 2])
def test_dat_47_cells_are_read_as_they_are_shown_and_formulas_as_values(tmp_path: Path, style: int):
    path = book(tmp_path / "sales.xlsx", {"2024": sheet(table(), styles={0: style})})
    examples = reading(path)
    assert examples.columns["day"][:2] == ["2024-01-01", "2024-01-02"]
    dataset = encode(examples, DataSettings(), seed=0)
    kinds = {name: one.kind for one in dataset.encodings.values() for name in one.fields}
    assert kinds == {"day": "date", "price": "number", "double": "number", "colour": "category", "bought": "category"}
    assert np.allclose(dataset.examples.columns["double"], 2 * dataset.examples.columns["price"])
    assert examples.notes == ["sheet 2024"]


def test_dat_47_of_several_sheets_one_is_asked_for_and_hidden_ones_are_said(tmp_path: Path):
    sheets = {"old": sheet([["a"], [1]]), "new": sheet(table()), "notes": sheet([["b"], ["x"]])}
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
    rows = [["group", "value"], ["a", 1], [None, 2], [None, 3], ["b", "=A1+1"]]
    content = sheet(rows, merged="A2:A4").replace('<c r="B3"><v>2</v>', '<c r="B3" t="e"><v>#N/A</v>')
    examples = reading(book(tmp_path / "a.xlsm", {"one": content}))
    assert examples.columns == {"group": ["a", "a", "a", "b"], "value": ["1", "", "3", ""]}
    assert [note.split(" and count")[0].split(":")[0] for note in examples.notes[1:]] == [
        "1 merged ranges",
        "1 cells hold an error of the spreadsheet",
        "1 formulas were never calculated",
    ]


def test_dat_47_a_workbook_that_may_do_harm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    with expect_refusal("DATA_BOMB", exit_code=3):
        reading(book(tmp_path / "a.xlsx", {"one": sheet(table())}, head=laughs))
    far = sheet([["a", "b"], [1, 2]]).replace('r="B2"', 'r="XFD2"')
    monkeypatch.setattr(_workbook, "MOST_CELLS", 10_000)
    with expect_refusal("DATA_BOMB", exit_code=3) as caught:
        reading(book(tmp_path / "b.xlsx", {"one": far}))
    assert "16,384 columns" in caught.value.what


@pytest.mark.parametrize("content", ["<worksheet><sheetData><row><c r='1A'/></row></sheetData></worksheet>", "<worksheet><she"])
def test_dat_47_a_damaged_sheet_is_refused(tmp_path: Path, content: str):
    with expect_refusal("DATA_DAMAGED_FILE", exit_code=3):
        reading(book(tmp_path / "a.xlsx", {"one": content}))


def test_a_sheet_without_rows_or_of_names_alone_is_refused(tmp_path: Path):
    for name, rows in (("empty.xlsx", []), ("names.xlsx", [["a", "b"]])):
        with expect_refusal("DATA_NO_ROWS", exit_code=3):
            reading(book(tmp_path / name, {"one": sheet(rows)}))
    with expect_refusal("DATA_COLUMN_TWICE", exit_code=3):
        reading(book(tmp_path / "twice.xlsx", {"one": sheet([["a", "a"], [1, 2]])}))
