"""Workbooks of spreadsheets (.xlsx, .xlsm): a sheet's cells as rows of text, read without running anything that they hold.

openpyxl reads them, once the archive has been found harmless. Of formulas the values count that were calculated when the file
was saved; macros and links are never opened. What is written for all cells of a merged range stands in each of its rows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thalweg.core.errors import DataRefusal, Refusal, did_you_mean
from thalweg.core.requirements import missing
from thalweg.data._archive import opened_zip, zip_content, zip_members
from thalweg.data._paths import shown

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

MOST_CELLS = 200_000_000
"""Rows times columns of a sheet: a single cell far out must not make a table of gigabytes."""
_NEVER_CALCULATED = re.compile(rb"<f(?:\s[^>]*)?>[^<]*</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>")


@dataclass
class Sheet:
    """The cells of a sheet as rows of text, as wide as the widest, and what to say of it."""

    name: str
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


def read_sheet(path: Path, asked: str | None) -> Sheet:
    """The cells of the sheet asked for, else of the only one that is not hidden.

    Raises:
        DataRefusal: there are several or none of that name; the file is damaged, may do harm, or claims too many cells.
        UsageRefusal: openpyxl is not installed.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise missing(error) or error from None
    try:
        empty = _uncalculated(path)
        book = openpyxl.load_workbook(path, data_only=True, keep_links=False)
        chosen = _chosen(book, asked, path)
        sheet = _read(chosen, path)
    except Refusal:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes of the library
        raise DataRefusal(
            "DATA_DAMAGED_FILE",
            f"{shown(path.name)} cannot be read as a workbook: {shown(str(error)[:100])}",
            where=shown(path),
            why="the file looks cut off or damaged",
            fix="save it again, or save the sheet that is meant as CSV",
        ) from None
    hidden = sum(one.sheet_state != "visible" for one in book.worksheets)
    mend = "(open and save it in a spreadsheet)"
    notes = {
        f"{empty:,} formulas of the workbook were never calculated and count as missing {mend}": empty,
        f"{hidden} hidden sheet{'s are' if hidden > 1 else ' is'} left out (--sheet NAME)": hidden,
    }
    sheet.notes += [note for note, count in notes.items() if count]
    return sheet


def _uncalculated(path: Path) -> int:
    """The formulas without a value, in an archive that is found harmless on the way."""
    found = 0
    with opened_zip(path) as archive:
        for member in zip_members(archive, path)[0]:
            if member.suffix not in (".xml", ".rels"):
                continue
            content = zip_content(archive, member, path)
            if b"<!DOCTYPE" in content:
                raise DataRefusal(
                    "DATA_BOMB",
                    f"{shown(path.name)} declares entities of its own",
                    where=shown(path),
                    why="a few lines of them unpack to gigabytes; no spreadsheet writes any",
                    fix="save it again, or save the sheet that is meant as CSV",
                )
            found += len(_NEVER_CALCULATED.findall(content)) if "worksheets" in member.parts else 0
    return found


def _chosen(book: "Workbook", asked: str | None, path: Path) -> "Worksheet":
    """The sheet that is meant."""
    names = [one.title for one in book.worksheets if one.sheet_state == "visible"]
    meant = [asked] if asked is not None else names
    found = [one for one in book.worksheets if one.title in meant]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(shown(name) for name in names[:8])
    if asked is not None and names:
        what = f'{shown(path.name)} has no sheet "{shown(asked)}"; {did_you_mean(asked, names)}'
    else:
        what = f"{shown(path.name)} has {len(names)} sheets that are not hidden" + (f": {listed}" if names else "")
    raise DataRefusal(
        "DATA_SHEET",
        what,
        where=shown(path),
        why="one table at a time is read",
        fix=f'say which: --sheet "{shown(names[0])}"' if names else "save the sheet that is meant as CSV",
        details={"sheets": names},
    )


def _read(sheet: "Worksheet", path: Path) -> Sheet:
    """The rows of a sheet in which something stands."""
    if sheet.max_row * sheet.max_column > MOST_CELLS:
        raise DataRefusal(
            "DATA_BOMB",
            f"{shown(path.name)} claims {sheet.max_row:,} rows of {sheet.max_column:,} columns",
            where=shown(path),
            why="cells stand far outside of the table",
            fix="delete what stands beside or below the table and save it again",
        )
    filled = _fill(sheet)
    errors, rows = 0, []
    for cells in sheet.iter_rows(min_row=sheet.min_row, min_col=sheet.min_column):
        errors += sum(cell.data_type == "e" for cell in cells)
        rows.append(["" if cell.data_type == "e" else _meant(cell.value) for cell in cells])
    notes = {
        f"{filled} merged ranges: their value stands in each of their rows": filled,
        f"{errors:,} cells hold an error of the spreadsheet and count as missing": errors,
    }
    said = [f"sheet {shown(sheet.title)}", *(note for note, count in notes.items() if count)]
    return Sheet(sheet.title, _within(rows), said)


def _fill(sheet: "Worksheet") -> int:
    """Put the value of each merged range below its first cell too, as far as the table goes; how many ranges that were."""
    tall = [one for one in list(sheet.merged_cells.ranges) if one.max_row > one.min_row]
    last = sheet.max_row
    for one in tall:
        value = sheet.cell(one.min_row, one.min_col).value
        sheet.unmerge_cells(one.coord)
        for row in range(one.min_row, min(one.max_row, last) + 1):
            sheet.cell(row, one.min_col).value = value
    return len(tall)


def _meant(value: Any) -> str:  # noqa: ANN401 - whatever a cell holds
    """What a cell shows, as text that a table might hold."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.time() == time() else value.isoformat(" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _within(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows and the columns between the first and the last that hold something; empty rows go."""
    held = [column for column, cells in enumerate(zip(*rows, strict=True)) if any(cells)]
    if not held:
        return []
    return [list(row[held[0] : held[-1] + 1]) for row in rows if any(row)]
