"""Large tables predicted a part at a time: read, answered and written as they come, in memory that their length does not need.

The answers are those of the table read whole: noise belongs to blocks of rows, and a part is of whole blocks. What is not as it
should be in a part (a row of another length, a value that cannot be read, mostly unseen words) is left to the reading of the
whole, which names it in the whole file; nothing is written then.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from thalweg.core.errors import DataRefusal
from thalweg.core.files import written_in_parts
from thalweg.core.talk import Talk
from thalweg.data._parts import PART, Irregular
from thalweg.data.read import read_in_parts
from thalweg.fields.column import Column, Look
from thalweg.packages.blocks import BLOCK
from thalweg.packages.given import reading
from thalweg.packages.package import Package
from thalweg.packages.written import csv_text

TOLD = 5
"""Parts of whose rows something is told."""

Columns = Mapping[str, Column]


def predicted_to_csv(package: Package, given: Any, out: Path, *, talk: Talk, least: int = PART, **asked: Any) -> int | None:  # noqa: ANN401
    """Predict for a table's file and write the answers as CSV; returns how many there are.

    None, and nothing is written: it is no large table that can be read in parts, and is to be read whole.

    Args:
        given: what is predicted for; the path of a file where this may apply.
        least: bytes of a file below which it is read whole.
        asked: as `Package.predict` takes it.
    """
    path = Path(given) if isinstance(given, str | Path) else None
    if path is None or out.suffix.casefold() != ".csv" or not path.is_file() or path.stat().st_size <= least:
        return None
    telling = _Telling(talk)
    try:
        with written_in_parts(out) as write:
            rows = 0
            names = package.task.names_of_values()
            for columns in _of_whole_blocks(_parts(package, given, telling)):
                telling.first = rows
                text = csv_text(_answers(package, columns, dict(asked, first=rows, talk=telling)), names)
                write((text if not rows else text[text.index("\n") + 1 :]).encode())
                rows += _length(columns)
    except (Irregular, DataRefusal):
        return None
    telling.pass_on()
    return rows or None


def _answers(package: Package, columns: Columns, asked: Mapping[str, Any]) -> Columns:
    """The answers to a part.

    Raises:
        Irregular: they are not one a row, or rows were left out.
    """
    answers = package.predict(columns, **asked)
    if "file" in answers or any(len(column) != _length(columns) for column in answers.values()):
        raise Irregular("answers that are not one a row")
    return answers


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _parts(package: Package, given: Any, telling: "_Telling") -> Iterator[Columns]:  # noqa: ANN401
    """The columns of each part that has rows; those that the model reads are all there, and are no files."""
    wanted = [name for one in package.encodings.inputs for name in one.fields]
    settings, known = reading(package), list[str]()
    for examples in read_in_parts(given, settings):
        columns = dict(examples.columns)
        if not known:
            known = list(columns)
            if not set(wanted) <= set(known) or any(Look(name, columns[name]).files for name in wanted):
                raise Irregular("its columns are no plain ones of the model")
            telling.notes = list(examples.notes)
        if set(columns) - set(known):
            raise Irregular("columns that come later")
        if len(examples):
            yield {name: columns[name] if name in columns else [None] * len(examples) for name in known}


def _of_whole_blocks(parts: Iterator[Columns]) -> Iterator[Columns]:
    """The same rows, in each part but the last as many as fill blocks."""
    rest: Columns = {}
    for part in parts:
        columns = {name: _joined(rest[name], column) if rest else column for name, column in part.items()}
        rows = _length(columns)
        full = rows - rows % BLOCK
        if full:
            yield {name: column[:full] for name, column in columns.items()}
        rest = {name: column[full:] for name, column in columns.items()}
    if rest and _length(rest):
        yield rest


def _joined(before: Column, column: Column) -> Column:
    return [*before, *column] if len(before) else column


class _Telling(Talk):
    """Keeps what is said of each part until all was well; what several say in the same words is said once, with where.

    Attributes:
        first: the row at which the part under way begins.
        notes: how the table was read.
    """

    def __init__(self, talk: Talk) -> None:
        self.talk, self.first, self.notes = talk, 0, list[str]()
        self._said: dict[str, list[int]] = {}
        self._parts: dict[int, None] = {}

    def warn(self, text: str) -> None:
        self._parts[self.first] = None
        if len(self._parts) <= TOLD:
            self._said.setdefault(text, []).append(self.first)

    def pass_on(self) -> None:
        """Say what was kept."""
        if self.notes:
            self.talk.say("data", *self.notes)
        for text, (first, *others) in self._said.items():
            told = f"rows from {first:,} on, counted from there: {text}" if first else text
            more = ", ".join(f"{row:,}" for row in others)
            self.talk.warn(f"{told}; likewise from row {more} on" if more else told)
        if len(self._parts) > TOLD:
            self.talk.warn(f"{len(self._parts) - TOLD:,} further parts of the table have such rows")
