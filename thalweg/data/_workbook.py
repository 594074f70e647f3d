"""Workbooks of spreadsheets (.xlsx, .xlsm): a sheet's cells as rows of text, read without running anything that they hold.

Of formulas the values count that were calculated when the file was saved; macros, links and pictures are never opened. What
is written for all cells of a merged range stands in each of them.

Reference: ECMA-376, part 1, sections 18.2 (workbook), 18.3 (sheets), 18.4 (shared strings), 18.8 (styles).
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from xml.parsers import expat

from thalweg.core.errors import DataRefusal, did_you_mean
from thalweg.data._archive import zip_content, zip_members
from thalweg.data._paths import shown

MOST_CELLS = 200_000_000
"""Rows times columns of a sheet: a single cell far out must not make a table of gigabytes."""
DATES = frozenset([*range(14, 23), *range(27, 37), *range(50, 59)])
"""Numbers of the formats for dates that every workbook has."""
_DATE_SIGNS = re.compile(r"[dy]|mmm", re.IGNORECASE)
_NO_SIGNS = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
Attributes = dict[str, str]


@dataclass
class Sheet:
    """The cells of a sheet as rows of text, as wide as the widest, and what to say of it."""

    name: str
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


@dataclass
class _Book:
    """What holds for all sheets: their names, where they lie and which are hidden; texts, formats of dates, the first day."""

    sheets: list[tuple[str, str, bool]]
    texts: list[str]
    dates: list[bool]
    first_day: datetime


def read_sheet(path: Path, asked: str | None) -> Sheet:
    """The cells of the sheet asked for, else of the only one that is not hidden.

    Raises:
        DataRefusal: there are several, none of that name, the file is damaged, or claims more cells than a table has.
    """
    with _as_refusals(path), zipfile.ZipFile(path) as archive:
        files = {str(file) for file in zip_members(archive, path)[0]}

        def content(name: str) -> bytes:
            return zip_content(archive, PurePosixPath(name), path) if name in files else b""

        book = _book(content, path)
        name, inner = _chosen(book, asked, path)
        sheet = _cells(content(inner), book, name, path)
    hidden = sum(one[2] for one in book.sheets)
    if hidden:
        sheet.notes.append(f"{hidden} hidden sheet{'s are' if hidden > 1 else ' is'} left out (--sheet NAME)")
    return sheet


@contextmanager
def _as_refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, expat.ExpatError, KeyError, IndexError, ValueError, OverflowError) as error:
        if isinstance(error, DataRefusal):
            raise
        raise DataRefusal(
            "DATA_DAMAGED_FILE",
            f"{shown(path.name)} cannot be read as a workbook: {shown(str(error)[:100])}",
            where=shown(path),
            why="the file looks cut off or damaged",
            fix="save it again, or save the sheet that is meant as CSV",
        ) from None


def _walk(
    content: bytes, path: Path, start: Callable[[str, Attributes], None], end: Callable[[str, str], None] | None = None
) -> None:
    """Call `start` with the name and attributes of every element, and `end` with its name and the text since it began."""
    parser = expat.ParserCreate(namespace_separator=" ")
    text: list[str] = []

    def began(name: str, attributes: Attributes) -> None:
        text.clear()
        start(_local(name), {_local(key): value for key, value in attributes.items()})

    def ended(name: str) -> None:
        if end is not None:
            end(_local(name), "".join(text))
        text.clear()

    def declared(*_: object) -> None:
        raise DataRefusal(
            "DATA_BOMB",
            f"{shown(path.name)} declares entities of its own",
            where=shown(path),
            why="a few lines of them unpack to gigabytes; no spreadsheet writes any",
            fix="save it again, or save the sheet that is meant as CSV",
        )

    parser.StartElementHandler, parser.EndElementHandler = began, ended
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text.append, declared
    if content:
        parser.Parse(content, True)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _book(content: Callable[[str], bytes], path: Path) -> _Book:
    book = _Book([], [], [], datetime(1899, 12, 30))
    targets: dict[str, str] = {}

    def related(name: str, of: Attributes) -> None:
        if name == "Relationship":
            targets[of["Id"]] = of["Target"].removeprefix("/xl/")

    def listed(name: str, of: Attributes) -> None:
        if name == "sheet":
            book.sheets.append((of["name"], f"xl/{targets[of['id']]}", of.get("state", "visible") != "visible"))
        if name == "workbookPr" and of.get("date1904") in ("1", "true"):
            book.first_day = datetime(1904, 1, 1)

    _walk(content("xl/_rels/workbook.xml.rels"), path, related)
    _walk(content("xl/workbook.xml"), path, listed)
    book.texts = _texts(content("xl/sharedStrings.xml"), path)
    book.dates = _formats(content("xl/styles.xml"), path)
    return book


def _texts(content: bytes, path: Path) -> list[str]:
    """The texts that cells share; runs of other letters within one are one text, what is spoken beside it is left out."""
    texts: list[str] = []
    spoken = False

    def start(name: str, _: Attributes) -> None:
        nonlocal spoken
        spoken = name == "rPh" or (spoken and name == "t")
        if name == "si":
            texts.append("")

    def end(name: str, text: str) -> None:
        if name == "t" and not spoken:
            texts[-1] += text

    _walk(content, path, start, end)
    return texts


def _formats(content: bytes, path: Path) -> list[bool]:
    """Whether each style of cells is that of a date."""
    own: dict[str, bool] = {}
    styles: list[bool] = []
    of_cells = False

    def start(name: str, of: Attributes) -> None:
        nonlocal of_cells
        if name == "numFmt":
            own[of["numFmtId"]] = _DATE_SIGNS.search(_NO_SIGNS.sub("", of.get("formatCode", ""))) is not None
        elif name in ("cellXfs", "cellStyleXfs"):
            of_cells = name == "cellXfs"
        elif name == "xf" and of_cells:
            number = of.get("numFmtId", "0")
            styles.append(own.get(number, int(number) in DATES))

    _walk(content, path, start)
    return styles


def _chosen(book: _Book, asked: str | None, path: Path) -> tuple[str, str]:
    """Name and place of the sheet that is meant."""
    names = [name for name, _, hidden in book.sheets if not hidden]
    meant = [asked] if asked is not None else names
    found = [(name, inner) for name, inner, _ in book.sheets if name in meant]
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


def _cells(content: bytes, book: _Book, name: str, path: Path) -> Sheet:
    """The rows of a sheet in which something stands."""
    found: dict[tuple[int, int], str] = {}
    merged: list[str] = []
    at, sort, dated = (0, 0), "n", False
    row, empty, formula, errors = 0, 0, False, 0

    def start(element: str, of: Attributes) -> None:
        nonlocal at, sort, dated, row, formula
        if element == "row":
            row, at = int(of.get("r", row + 1)), (row, 0)
        elif element == "c":
            at = _place(of["r"]) if "r" in of else (row, at[1] + 1)
            sort, dated, formula = of.get("t", "n"), int(of.get("s", -1)) in dates, False
        elif element == "f":
            formula = True
        elif element == "mergeCell":
            merged.append(of["ref"])

    def end(element: str, text: str) -> None:
        nonlocal empty, errors
        if element == "v" or (element == "t" and sort == "inlineStr"):
            errors += sort == "e"
            found[at] = found.get(at, "") + _meant(text, sort, book, dated=dated)
        elif element == "c" and formula and at not in found:
            empty += 1

    dates = {number for number, is_date in enumerate(book.dates) if is_date}
    _walk(content, path, start, end)
    sheet = Sheet(name, [], [f"sheet {shown(name)}"])
    filled = _filled(found, merged)
    sheet.rows = _rows(found, path)
    notes = {
        f"{filled} merged ranges: their value stands in each of their rows": filled,
        f"{errors:,} cells hold an error of the spreadsheet and count as missing": errors,
        f"{empty:,} formulas were never calculated and count as missing (open and save it in a spreadsheet)": empty,
    }
    sheet.notes += [note for note, count in notes.items() if count]
    return sheet


def _place(reference: str) -> tuple[int, int]:
    """Row and column, counted from 1, of a reference such as AB12."""
    match = _PLACE.fullmatch(reference.replace("$", ""))
    if match is None:
        raise ValueError(f"{reference[:20]} is no place of a cell")
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return int(match[2]), column


def _meant(text: str, sort: str, book: _Book, *, dated: bool) -> str:
    """What a cell shows, as text that a table might hold."""
    if sort == "s":
        return book.texts[int(text)]
    if sort == "b":
        return "true" if text.strip() == "1" else "false"
    if sort == "e":
        return ""
    if dated and sort == "n" and text.strip():
        moment = book.first_day + timedelta(seconds=round(86400 * float(text)))
        return moment.isoformat(" ") if moment.time().isoformat() != "00:00:00" else f"{moment:%Y-%m-%d}"
    return text


def _filled(found: dict[tuple[int, int], str], merged: list[str]) -> int:
    """Put the value of each merged range below its first cell too, as far as the table goes; how many ranges there were."""
    last, count = max((row for row, _ in found), default=0), 0
    for reference in merged:
        first, _, end = reference.partition(":")
        (row, column), (until, _) = _place(first), _place(end or first)
        if (row, column) in found and until > row:
            count += 1
            found.update({(one, column): found[row, column] for one in range(row + 1, min(until, last) + 1)})
    return count


def _rows(found: dict[tuple[int, int], str], path: Path) -> list[list[str]]:
    if not found:
        return []
    columns = sorted({column for _, column in found})
    first, width = columns[0], columns[-1] - columns[0] + 1
    numbers = sorted({row for row, _ in found})
    if width * len(numbers) > MOST_CELLS:
        raise DataRefusal(
            "DATA_BOMB",
            f"{shown(path.name)} claims {len(numbers):,} rows of {width:,} columns",
            where=shown(path),
            why="cells stand far outside of the table",
            fix="delete the columns beside the table and save it again",
        )
    at = {row: place for place, row in enumerate(numbers)}
    rows = [[""] * width for _ in numbers]
    for (row, column), text in found.items():
        rows[at[row]][column - first] = text
    return [row for row in rows if any(row)]
