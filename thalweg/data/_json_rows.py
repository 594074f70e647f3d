"""Records written as JSON: one a line (JSON Lines), or an array of them; as columns."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, as_column

LIMIT_ARRAY = 512 << 20
"""Bytes of an array of records, which must be held whole; records a line each have no such limit."""
MOST_DEPTH = 64
MOST_DIGITS = 400


class _BadLine(Exception):
    """What is wrong with a line, and at which sign of it."""

    def __init__(self, reason: str, column: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.column = reason, column


def lines_of(text: str, path: Path, settings: DataSettings) -> tuple[dict[str, Column], list[str]]:
    """Columns of JSON Lines, and what to say of them.

    Raises:
        DataRefusal: lines are no JSON object; all of them at once.
    """
    rows: list[Mapping[str, Any]] = []
    bad: list[tuple[int, _BadLine, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(_record(line))
        except _BadLine as error:
            bad.append((number, error, line.strip()[:60]))
    if bad and (settings.on_bad_row != "skip" or len(bad) > len(rows)):
        raise _bad_lines(path, bad)
    listed = ", ".join(f"{number:,}" for number, _, _ in bad[:5]) + (" ..." if len(bad) > 5 else "")
    notes = [f"{len(bad):,} lines left out, they are no JSON object: lines {listed} (--on-bad-row skip)"] if bad else []
    return columns_of(rows), notes


def array_of(text: str, path: Path) -> dict[str, Column]:
    """Columns of an array of records, or of an object of columns.

    Raises:
        DataRefusal: it is something else.
    """
    try:
        value = _parsed(text)
    except _BadLine as error:
        line = text.count("\n", 0, error.column - 1) + 1
        raise DataRefusal(
            "DATA_TOO_DEEP" if "nests" in error.reason else "DATA_BAD_JSON",
            f"{shown(path.name)} is no JSON: {error.reason}",
            where=f"{shown(path)}:{line}",
            why="records cannot be told apart",
            fix="correct it there, or write a record a line (.jsonl)",
        ) from None
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return columns_of(value)
    if isinstance(value, dict) and value and all(isinstance(one, list) for one in value.values()):
        return {str(name): as_column(column) for name, column in value.items()}
    held = f"an array of {type(value[0]).__name__}" if isinstance(value, list) and value else f"a {type(value).__name__}"
    raise DataRefusal(
        "DATA_NOT_A_TABLE",
        f"{shown(path.name)} holds {held}, no records",
        where=shown(path),
        why="each example is an object with a value for each field",
        fix='write [{"age": 39, "income": "low"}, ...], or a record a line (.jsonl)',
    )


def columns_of(rows: list[Mapping[str, Any]]) -> dict[str, Column]:
    """Columns of records, in the order in which keys first appear; None where a record lacks a key."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {str(name): as_column([row.get(name) for row in rows]) for name in names}


def _record(line: str) -> Mapping[str, Any]:
    value = _parsed(line)
    if isinstance(value, dict):
        return value
    kind = {"list": "an array", "str": "a text", "NoneType": "null"}.get(type(value).__name__, "a single value")
    raise _BadLine(f"it is {kind}, not an object")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, parse_int=_whole, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise _BadLine(error.msg.casefold(), error.pos + 1) from None
    except RecursionError:
        raise _BadLine(f"it nests more than {MOST_DEPTH} levels deep") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _BadLine("a key stands in it twice")
    return found


def _no_constant(word: str) -> NoReturn:
    raise _BadLine(f"{word} is not a JSON number")


def _whole(digits: str) -> int | float:
    if len(digits) > MOST_DIGITS:
        raise _BadLine(f"a number of {len(digits):,} digits")
    number = int(digits)
    return number if abs(number) < 2**63 else float(number)


def _bad_lines(path: Path, bad: list[tuple[int, _BadLine, str]]) -> DataRefusal:
    listed = "; ".join(f'line {number:,}, column {one.column}: {one.reason} ("{shown(text)}")' for number, one, text in bad[:3])
    more = f"; and {len(bad) - 3:,} more" if len(bad) > 3 else ""
    number, first, _ = bad[0]
    return DataRefusal(
        "DATA_TOO_DEEP" if "nests" in first.reason else "DATA_BAD_JSON",
        f"{len(bad):,} line{'s are' if len(bad) > 1 else ' is'} no JSON object: {listed}{more}",
        where=f"{shown(path)}:{number}:{first.column}",
        why="each line must hold one record",
        fix="mend these lines, or leave them out: --on-bad-row skip",
        details={"lines": [one for one, _, _ in bad[:1000]], "count": len(bad)},
    )


def too_large(path: Path, size: int) -> DataRefusal:
    """The refusal for an array of records that must be held whole and is too large for that."""
    return DataRefusal(
        "DATA_TOO_LARGE",
        f"{shown(path.name)} is one JSON array of {size:,} bytes; at most {LIMIT_ARRAY >> 20} MiB are read",
        where=shown(path),
        why="such an array must be held in memory whole before its first record is known",
        fix=f"write a record a line: jq -c '.[]' {shown(path.name)} > {shown(path.stem)}.jsonl",
    )


def sized(blocks: Iterator[bytes], path: Path) -> bytes:
    """All bytes, until they are too many for one array."""
    pieces, size = [], 0
    for piece in blocks:
        size += len(piece)
        if size > LIMIT_ARRAY:
            raise too_large(path, max(size, path.stat().st_size))
        pieces.append(piece)
    return b"".join(pieces)
