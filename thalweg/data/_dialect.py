"""Dialects of tables written as text: what separates values, whether quotes do their work, and whether names come first.

A separator is judged by whether rows have one number of values, the first line as well; where two do equally well, by how
many of the values that come out are numbers.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown
from thalweg.data.settings import DataSettings

SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank"}
"""What separates values, the likelier first where nothing else decides."""
NAMED_SIGNS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "pipe": "|", "space": " ", "blank": " "}
SAMPLE_CHARACTERS = 1 << 18
SAMPLE_ROWS = 300
FEW_SIGNS, FEW_WORDS, LETTERS, IN_COLUMNS = 1000, 30, 0.6, 0.9
"""Signs of a running text, words of one that is a single line, its share of letters; share of lines that columns agree in."""
NUMBER = re.compile(r"\s*[-+]?(\d[\d.,' ]*|[.,]\d+)([eE][-+]?\d+)?\s*%?\s*")
_QUOTED = {
    sign: (re.compile(rf'(?:^|[{re.escape(sign)}])\s*"', re.M), re.compile(rf'"\s*(?:$|[{re.escape(sign)}])', re.M))
    for sign in SIGNS
}


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        sign: what separates values.
        quoted: values may stand in quotes, which separators and line ends within do not end.
        header: the first line holds names.
        runs: several blanks in a row separate as one.
        notes: what was found, where it is not a comma and a line of names.
    """

    sign: str
    quoted: bool = True
    header: bool = True
    runs: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """A sample of rows read with one sign: in how many the number of values is the commonest, and how many are typed."""

    sign: str
    quoted: bool
    rows: list[list[str]]
    width: int
    agreeing: float
    typed: float
    runs: bool = False


def dialect_of(text: str, path: Path, settings: DataSettings) -> Dialect:
    """The dialect of a table's text: what the user said, and what was found for the rest.

    Raises:
        DataRefusal: two separators do equally well, or the first line looks like data.
    """
    sample = _sample(text)
    reading = _reading(sample, path, settings)
    notes = (
        []
        if reading.sign == "," or settings.delimiter
        else [f"separated by {SIGNS.get(reading.sign, reading.sign)}s (--delimiter)"]
    )
    if not reading.quoted and '"' in sample[:SAMPLE_CHARACTERS]:
        notes.append("quotes are part of the text, as they do not enclose values")
    header = settings.header if settings.header is not None else _names_first(reading, path)
    if settings.header is None and not header:
        notes.append("no line of names: the first values recur below (columns are column_1, ...; --header if it is one)")
    return Dialect(reading.sign, reading.quoted, header, reading.runs, tuple(notes))


def is_running_text(text: str) -> bool:
    """Whether the beginning of a text reads on, word after word, and does not stand in columns.

    Mostly letters, and no sign cuts nearly all lines into equally many pieces; a column of single words is none either.
    """
    lines = [line for line in text.splitlines()[:SAMPLE_ROWS] if line.strip()]
    signs = [sign for line in lines for sign in line if not sign.isspace()]
    if len(signs) < FEW_SIGNS or sum(map(str.isalpha, signs)) < LETTERS * len(signs):
        return False
    if len(lines) == 1:
        return len(lines[0].split()) >= FEW_WORDS
    read = [_read_by("\n".join(lines), sign) for sign in SIGNS]
    return not any(one.agreeing >= IN_COLUMNS and (one.width > 1 or one.sign == " ") for one in read)


def _sample(text: str) -> str:
    """The beginning of the text, up to a line's end."""
    if len(text) <= SAMPLE_CHARACTERS:
        return text
    end = text.rfind("\n", 0, SAMPLE_CHARACTERS)
    return text[: end + 1 if end > 0 else SAMPLE_CHARACTERS]


def _reading(sample: str, path: Path, settings: DataSettings) -> _Reading:
    if settings.delimiter is not None:
        sign = NAMED_SIGNS.get(settings.delimiter.casefold(), settings.delimiter)
        if len(sign) != 1:
            raise DataRefusal(
                "DATA_DELIMITER",
                f'"{settings.delimiter}" cannot separate values',
                where="--delimiter",
                why="values are separated by a single sign",
                fix=f"one of {', '.join(SIGNS.values())}, or the sign itself",
            )
        return _read_by(sample, sign)
    readings = [one for sign in SIGNS if (one := _read_by(sample, sign)).width > 1 and not _prose(one)]
    expected = "\t" if ".tsv" in path.name.casefold() or ".tab" in path.name.casefold() else ","
    if not readings:
        return _read_by(sample, expected)
    best = max(readings, key=lambda one: (_worth(one), one.sign == expected))
    rivals = [one for one in readings if one is not best and _worth(one) == _worth(best) and one.agreeing == 1.0]
    rivals = [one for one in rivals if " " not in (one.sign, best.sign) and expected not in (one.sign, best.sign)]
    if rivals and best.agreeing == 1.0:
        raise _two_ways(path, best, rivals[0])
    return best


def _prose(reading: _Reading) -> bool:
    """Blanks that stand between the words of a single column: the first line has not as many of them as the others."""
    return reading.sign == " " and len(reading.rows[0]) != reading.width


def _worth(reading: _Reading) -> tuple[float, float]:
    """Agreement counts first, in coarse steps; then how much of what comes out is typed. Blanks separate words, too."""
    blank = 0.8 if reading.sign == " " else 1.0
    return round(reading.agreeing * blank * 20), round(reading.typed, 2)


def _read_by(sample: str, sign: str) -> _Reading:
    quoted = _encloses(sample, sign)
    lines = [line.rstrip("\r\n") for line in io.StringIO(sample, newline="") if line.strip()]
    runs = False
    if sign == " ":
        joined = [" ".join(line.split()) for line in lines]
        runs = joined != [line.rstrip() for line in lines]
        lines = joined
    rows = []
    try:
        for row in reader_of((f"{line}\n" for line in lines), sign, quoted=quoted):
            rows.append([value.strip() for value in row])
            if len(rows) >= SAMPLE_ROWS:
                break
    except csv.Error:  # a value longer than the module takes
        rows = rows or [[]]
    width = _width(rows)
    agreeing = sum(len(row) == width for row in rows) / max(len(rows), 1)
    agreeing *= 1.0 if not rows or len(rows[0]) == width else 0.5
    cells = [value for row in rows[1:] if len(row) == width for value in row]
    typed = sum(not value or NUMBER.fullmatch(value) is not None for value in cells) / max(len(cells), 1)
    return _Reading(sign, quoted, rows, width, agreeing, typed, runs)


def reader_of(lines: Iterable[str], sign: str, *, quoted: bool) -> Iterator[list[str]]:
    """Rows of values; Python's reader, which counts the lines that it has read."""
    if quoted:
        return csv.reader(lines, delimiter=sign)
    return csv.reader(lines, delimiter=sign, quoting=csv.QUOTE_NONE)


def _width(rows: Sequence[Sequence[str]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0] if rows else 0


def _encloses(sample: str, sign: str) -> bool:
    """Quotes enclose values: most of those that open one also close one. A comma's few strays are errors, a tab's are text."""
    opens, closes = _QUOTED[sign] if sign in _QUOTED else _QUOTED[","]
    opened, closed = len(opens.findall(sample)), len(closes.findall(sample))
    if sign == "\t" or opened > 3:
        return min(opened, closed) >= 0.9 * max(opened, closed) and opened > 0
    return True


def _two_ways(path: Path, one: _Reading, other: _Reading) -> DataRefusal:
    names = f"{SIGNS[one.sign]} and {SIGNS[other.sign]}"
    return DataRefusal(
        "DATA_DELIMITER",
        f"{shown(path.name)} can be read in two ways: {names} both separate every line into equally many values",
        where=f"{shown(path)}:1, {one.width} or {other.width} columns",
        why="one of them is a decimal mark or part of the text",
        fix=f'say which: --delimiter "{one.sign}" or --delimiter "{other.sign}", with --decimal "," where numbers have commas',
    )


def _names_first(reading: _Reading, path: Path) -> bool:
    """The first line holds names; false where all is text and what it says recurs below.

    Raises:
        DataRefusal: it holds numbers where numbers follow.
    """
    rows = [row for row in reading.rows[1:] if len(row) == reading.width]
    if not reading.rows or not rows:
        return True
    first = reading.rows[0]
    if _counts_up(first) or len(first) != reading.width:
        return True
    columns = list(zip(*rows, strict=True))
    numeric = [share_of_numbers(column) > 0.8 for column in columns]
    if any(is_number and NUMBER.fullmatch(name) for name, is_number in zip(first, numeric, strict=True)):
        raise _data_first(path, first)
    if any(is_number and name and not NUMBER.fullmatch(name) for name, is_number in zip(first, numeric, strict=True)):
        return True
    return not any(name and column.count(name) >= 3 for name, column in zip(first, columns, strict=True))


def _counts_up(first: Sequence[str]) -> bool:
    """The numbers among the names are steps or years: they rise by one and the same amount."""
    numbers = [float(name) for name in first if re.fullmatch(r"\d+(\.\d+)?", name)]
    steps = {round(later - former, 9) for former, later in pairwise(numbers)}
    return len(numbers) >= 3 and len(steps) == 1 and steps.pop() > 0 and len(numbers) >= len(first) - 3


def share_of_numbers(column: Sequence[str]) -> float:
    """Of the values that are not empty, the share of numbers."""
    there = [value for value in column if value]
    return sum(NUMBER.fullmatch(value) is not None for value in there) / len(there) if there else 0.0


def _data_first(path: Path, first: Sequence[str]) -> DataRefusal:
    return DataRefusal(
        "DATA_NO_HEADER",
        f"the first line of {shown(path.name)} looks like data: {shown(', '.join(first[:6])[:100])}",
        where=f"{shown(path)}:1",
        why="it would be taken for the columns' names and be missing among the rows",
        fix="if it is data: --no-header (columns are then column_1, ...); if it is names: --header",
    )
