"""Tables written as text: rows of values between separators, as columns of text. What the text means is for later.

pyarrow parses; where rows do not fit or quotes do not close, Python's slower reader goes over the text for the lines to name.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.core.errors import DataRefusal
from thalweg.core.loading import load_arrow
from thalweg.data._character_encoding import LONGEST_LINE, text_of
from thalweg.data._dialect import Dialect, dialect_of, reader_of
from thalweg.data._parts import Irregular, parts_of_text
from thalweg.data._paths import shown
from thalweg.data._unpacked import blocks_of
from thalweg.data.columns import checked_names
from thalweg.data.settings import DataSettings

MOST_LINES = 1000
"""Lines that a value in quotes may span: what spans more was not meant to."""
HEAD = 1000
"""Values of a column by which it is told whether its values recur."""
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class TextTable:
    """Columns of text by name, what to say of how they were read, and what separated them.

    Attributes:
        skipped: rows that were left out, each with its line and why.
    """

    columns: dict[str, list[str]]
    notes: list[str]
    dialect: Dialect
    skipped: list[dict[str, object]]


@dataclass(frozen=True)
class Ragged:
    """A row with another number of values than the others."""

    line: int
    values: int
    text: str
    open_quote: bool = False


def read_text_table(path: Path, settings: DataSettings) -> TextTable:
    """The columns of a table in a text file.

    Raises:
        DataRefusal: the text cannot be decoded, rows differ in length, quotes do not close, or columns are not named apart.
    """
    decoded = text_of(path, lambda: blocks_of(path), settings.encoding)
    dialect = dialect_of(decoded.text, path, settings)
    text = _one_blank(decoded.text) if dialect.runs else decoded.text
    first, end = _first(text, dialect)
    if not first:
        raise no_rows(path, [])
    names, named = named_columns(path, first, dialect)
    body = text[end:] if dialect.header else text
    columns, ragged = _parsed(path, body, names, dialect)
    skipped: list[dict[str, object]] = []
    notes = [*decoded.notes, *dialect.notes]
    if ragged:
        found = list(_ragged(text, dialect, len(names)))
        _refuse_ragged(path, found, len(names), rows=len(columns[0]), settings=settings)
        skipped = [{"line": one.line, "reason": f"{one.values} values, not {len(names)}"} for one in found]
        notes.append(_said_skipped(found, len(names)))
    if not columns or not len(columns[0]):
        raise no_rows(path, names)
    table = {name: column for name, column in zip(names, columns, strict=True) if name}
    if dialect.quoted:
        _refuse_torn_end(path, text, dialect)
        _refuse_long_values(path, table)
    index, said = _index(path, named, columns)
    if index is not None:
        table = {name: column for name, column in table.items() if name != names[index]}
    return TextTable(table, notes + said, dialect, skipped)


def text_table_in_parts(path: Path, settings: DataSettings) -> Iterator[TextTable]:
    """The columns of a table in a text file, some rows at a time; the first part holds what is to be said.

    Raises:
        Irregular: it is to be read whole.
    """
    dialect, names = None, list[str]()
    parts = parts_of_text(path, quoted=True)
    for body in parts:
        text = body
        if dialect is None:
            dialect = dialect_of(text, path, settings)
            first, end = _first(text, dialect)
            if settings.encoding or dialect.runs or not dialect.quoted or not first:
                raise Irregular("written otherwise")
            names, named = named_columns(path, first, dialect)
            text = text[end:] if dialect.header else text
            if "" in named:
                raise Irregular("an index")
        columns, ragged = _parsed(path, text, names, dialect)
        if ragged:
            raise Irregular("rows of another length")
        table = dict(zip(names, columns, strict=True))
        _refuse_long_values(path, table)
        yield TextTable(table, list(dialect.notes), dialect, [])


def _one_blank(text: str) -> str:
    """The text with runs of blanks as one."""
    return "".join(" ".join(line.split()) + "\n" for line in _lines(text))


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with what ends them, one after the other: most of them are never asked for."""
    return (found[0] for found in LINE.finditer(text))


def _rows(text: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, counted from 1, and its values; lines without any are passed over."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    taken = 0

    def counted() -> Iterator[str]:
        nonlocal taken
        for line in _lines(text):
            taken += 1
            yield line

    begins = 1
    for row in reader_of(counted(), dialect.sign, quoted=dialect.quoted):
        if row:
            yield begins, row
        begins = taken + 1


def _first(text: str, dialect: Dialect) -> tuple[list[str], int]:
    """The first row that holds anything, and where in the text it ends."""
    taken = 0

    def counted() -> Iterator[str]:
        nonlocal taken
        for line in _lines(text):
            taken += len(line)
            yield line

    for row in reader_of(counted(), dialect.sign, quoted=dialect.quoted):
        if row:
            return row, taken
    return [], taken


def named_columns(path: Path, first: Sequence[str], dialect: Dialect) -> tuple[list[str], list[str]]:
    """Names of the columns, and what the file calls them.

    Raises:
        DataRefusal: two have one name, or a name is empty (but that of a first column, which an index has).
    """
    if not dialect.header:
        return [f"column_{i + 1}" for i in range(len(first))], []
    names = [name.strip() for name in first]
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place + 1)
    twice = {name: at for name, at in places.items() if name and len(at) > 1}
    if twice:
        listed = "; ".join(f'"{shown(name)}" in columns {", ".join(map(str, at))}' for name, at in list(twice.items())[:5])
        raise DataRefusal(
            "DATA_COLUMN_TWICE",
            f"{len(twice)} name{'s stand' if len(twice) > 1 else ' stands'} over several columns: {listed}",
            where=f"{shown(path)}:1",
            why="a column is spoken of by its name",
            fix="rename them in the first line; if it is no line of names: --no-header",
            details={"columns": twice},
        )
    checked_names([name or "index" if place == 0 else name for place, name in enumerate(names)])
    unnamed = "index" if "index" not in names else "row index"
    return [name or unnamed for name in names], names


def _parsed(path: Path, body: str, names: Sequence[str], dialect: Dialect) -> tuple[list[list[str]], int]:
    """The columns of all rows with the right number of values, and how many rows had another."""
    load_arrow(texts=True)
    import pyarrow
    from pyarrow import csv as arrow

    wrong = []

    def pass_over(row: object) -> str:
        wrong.append(row)
        return "skip"

    data = body.encode("utf-8", "surrogatepass")
    if not data or data.isspace():
        return [[] for _ in names], 0
    try:
        table = arrow.read_csv(
            pyarrow.py_buffer(data),
            arrow.ReadOptions(column_names=[str(i) for i in range(len(names))], block_size=2 * LONGEST_LINE),
            arrow.ParseOptions(
                delimiter=dialect.sign,
                quote_char='"' if dialect.quoted else False,
                newlines_in_values=dialect.quoted,
                invalid_row_handler=pass_over,
            ),
            arrow.ConvertOptions(
                column_types=dict.fromkeys(map(str, range(len(names))), pyarrow.string()), strings_can_be_null=False
            ),
        )
    except pyarrow.ArrowInvalid as error:
        if dialect.quoted and body.count('"'):
            _refuse_open_quote(path, list(_ragged(body, dialect, len(names))), len(names))
        raise DataRefusal(
            "DATA_NOT_A_TABLE",
            f"{shown(path.name)} cannot be read as a table: {shown(str(error)[:160])}",
            where=shown(path),
            why="rows and values cannot be told apart",
            fix="say how it is written: --delimiter SIGN, --encoding NAME, --no-header",
        ) from None
    if len(names) == 1:  # an empty line is an empty value where there is one column
        wrong = []
    return [_listed(column) for column in table.columns], len(wrong)


def _listed(column: Any) -> list[str]:  # noqa: ANN401 - pyarrow ships no types
    """The values of a column; where those at its head recur, each different one is made once."""
    head = column.slice(0, HEAD)
    values: list[str] = []
    for chunk in (column.dictionary_encode() if 2 * len(head.unique()) < len(head) else column).chunks:
        if chunk.type == column.type:
            values += chunk.to_numpy(zero_copy_only=False).tolist()  # many times faster than pyarrow's own lists
        else:
            values += chunk.dictionary.to_numpy(zero_copy_only=False)[chunk.indices.to_numpy()].tolist()
    return values


def _ragged(text: str, dialect: Dialect, width: int) -> Iterator[Ragged]:
    last = text.count("\n")
    for line, row in _rows(text, dialect):
        if len(row) == width:
            continue
        spanned = sum(value.count("\n") for value in row)
        yield Ragged(line, len(row), dialect.sign.join(row)[:60], spanned > 0 and line + spanned >= last)


def _refuse_ragged(path: Path, found: Sequence[Ragged], width: int, *, rows: int, settings: DataSettings) -> None:
    """Return if rows of another length may be left out.

    Raises:
        DataRefusal: they may not, or there are more of them than of the others.
    """
    _refuse_open_quote(path, found, width)
    if settings.on_bad_row == "skip" and len(found) <= rows:
        return
    shown_rows = "; ".join(f'line {one.line:,} has {one.values}: "{shown(one.text)}"' for one in found[:3])
    more = f"; and {len(found) - 3:,} more" if len(found) > 3 else ""
    raise DataRefusal(
        "DATA_RAGGED_ROW",
        f"{len(found):,} row{'s have' if len(found) > 1 else ' has'} not {width} values as the others: {shown_rows}{more}",
        where=f"{shown(path)}:{found[0].line}",
        why="values would stand under wrong names",
        fix="mend these lines, or leave them out: --on-bad-row skip; if values are separated otherwise: --delimiter SIGN",
        details={"lines": [one.line for one in found[:1000]], "count": len(found), "expected": width},
    )


def _refuse_open_quote(path: Path, found: Sequence[Ragged], width: int) -> None:
    torn = next((one for one in found if one.open_quote), None)
    if torn is None:
        return
    raise DataRefusal(
        "DATA_OPEN_QUOTE",
        f'a quote that opens on line {torn.line:,} is never closed: "{shown(torn.text)}"',
        where=f"{shown(path)}:{torn.line}",
        why="everything after it is taken for one value",
        fix=f'close the quote on line {torn.line:,} of {shown(path.name)}, or double it ("") if it belongs to the text',
        details={"line": torn.line, "expected": width},
    )


def _refuse_torn_end(path: Path, text: str, dialect: Dialect) -> None:
    """Raise where the last row goes on over lines to the end because its quote is never closed."""
    if text.count('"') % 2 == 0:
        return
    line, row = deque(_rows(text, dialect), maxlen=1).pop()
    lines = sum(value.count("\n") for value in row)
    if lines:
        torn = Ragged(line, len(row), dialect.sign.join(row)[:60], open_quote=True)
        _refuse_open_quote(path, [torn], len(row))


def _refuse_long_values(path: Path, columns: dict[str, list[str]]) -> None:
    """Raise where a value in quotes spans so many lines that a quote must have been left open and another one closed it."""
    for name, column in columns.items():
        if max(map(len, column), default=0) <= MOST_LINES:
            continue
        for row, value in enumerate(column):
            if len(value) > MOST_LINES and value.count("\n") > MOST_LINES:
                lines = value.count("\n")
                raise DataRefusal(
                    "DATA_OPEN_QUOTE",
                    f'a value of "{shown(name)}" in quotes spans {lines:,} lines: "{shown(value[:40])}"',
                    where=f"{shown(path)}, row {row:,}, counted from 0",
                    why="a quote was probably left open and swallowed the rows up to the next one",
                    fix="close the quote where this value begins",
                )


def _index(path: Path, named: Sequence[str], columns: Sequence[Sequence[str]]) -> tuple[int | None, list[str]]:
    """The place of a first column that has no name and counts the rows, as `to_csv` writes it.

    Raises:
        DataRefusal: it has no name and does not count the rows.
    """
    if not named or named[0]:
        return None, []
    first = columns[0]
    if all(value.strip().isdigit() for value in first[:1000]) and len(set(first)) == len(first):
        return 0, ["the first column has no name and numbers the rows: left out"]
    raise DataRefusal(
        "DATA_COLUMN_NAME",
        f"the first of {len(named)} columns has no name",
        where=f"{shown(path)}:1, column 1",
        why="fields are spoken of by name",
        fix="write a name into the first line; if it is no line of names: --no-header",
        details={"places": [0]},
    )


def _said_skipped(found: Sequence[Ragged], width: int) -> str:
    listed = ", ".join(f"{one.line:,}" for one in found[:5]) + (" ..." if len(found) > 5 else "")
    return f"{len(found):,} rows left out, they have not {width} values: lines {listed} (--on-bad-row skip)"


def no_rows(path: Path, names: Sequence[str]) -> DataRefusal:
    """The refusal for a table without rows; what its columns are called, where they are called anything."""
    return DataRefusal(
        "DATA_NO_ROWS",
        f"{shown(path.name)} has 0 rows" + (" below its line of names" if names else ""),
        where=f"{shown(path)}, columns: {shown(', '.join(names[:12]))}" if names else shown(path),
        why="there is nothing to learn from or to predict for",
        fix="give at least one row to predict for, a hundred and more to learn from"
        + ("; if the first line is data: --no-header" if names else ""),
    )
