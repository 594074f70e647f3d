"""Blocks: raw columns encoded some rows at a time and cut into batches, so that any number of rows takes bounded memory.

Noise belongs to a block, of which a batch is a part: how many rows a batch holds changes nothing that is drawn.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import torch

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, some_of
from thalweg.core.position import Position
from thalweg.core.talk import Talk
from thalweg.data.batch import Batch
from thalweg.data.batches import Store
from thalweg.data.columns import checked_columns, columns_for
from thalweg.data.encode import encode_columns, remarks
from thalweg.fields.column import Column, Look, take
from thalweg.fields.encoding import BadRows, Encodings

BLOCK = 1024
"""Rows that are encoded at once."""
MANY_ROWS, MOST_UNSEEN = 20, 0.5
"""Of so many rows or more, at most this share may have values that training never saw in one field."""
MOST_UNREADABLE = 0.5
"""At most this share of the rows may have text in one field that no value can be made of."""

Supply = Iterator[tuple[Batch, Position]]
"""Batches, each with the position that its noise is drawn at."""


class Blocks:
    """Batches of at most `size` rows on the device and in the type of `like`, in order.

    Args:
        skippable: fields whose values are files; where so few of them that the kind tolerates it cannot be read, their rows are
            left out, and `left_out` says which once all batches were given. Rows keep their numbers.
    """

    def __init__(
        self,
        encodings: Encodings,
        columns: Mapping[str, Column],
        at: Position,
        *,
        size: int,
        like: torch.Tensor,
        skippable: Collection[str] = (),
    ) -> None:
        self.encodings, self.at, self.size, self.like = encodings, at, size, like
        self.columns = checked_columns(columns_for(list(encodings.values()), columns))
        self.rows = len(next(iter(self.columns.values())))
        self.skippable, self.left_out = skippable, dict[int, str]()

    def __iter__(self) -> Supply:
        """The batches.

        Raises:
            DataRefusal: rows cannot be encoded: all of them at once, after the batches that are given before the first of them.
        """
        bad: list[BadRows] = []
        for first in range(0, self.rows, BLOCK):
            store, rows, refused = self._encoded(torch.arange(first, min(first + BLOCK, self.rows)))
            bad += refused
            if store is not None and all(one.field in self.skippable for one in bad):
                yield from _cut(store.to(self.like.device, self.like.dtype), rows, self.at.inside(first // BLOCK), self.size)
        for one in _together(bad, self.rows):
            if one.field not in self.skippable or len(one.reasons) > one.tolerated * self.rows:
                raise one
            self.left_out |= one.reasons

    def _encoded(self, rows: torch.Tensor) -> tuple[Store | None, torch.Tensor, list[BadRows]]:
        """The rows (n,) without bad ones (None where none is left, or they may not be skipped), their numbers, what is bad."""
        refused: list[BadRows] = []
        while len(rows):
            try:
                return (
                    encode_columns(self.encodings, {name: take(one, rows) for name, one in self.columns.items()}),
                    rows,
                    refused,
                )
            except BadRows as error:
                refused.append(_numbered(error, {int(rows[row]): reason for row, reason in error.reasons.items()}, self.rows))
                if error.field not in self.skippable:
                    break
                rows = rows[[row for row in range(len(rows)) if row not in error.reasons]]
        return None, rows, refused


def _cut(store: Store, numbers: torch.Tensor, at: Position, size: int) -> Supply:
    for start in range(0, store.length, size):
        rows = torch.arange(start, min(start + size, store.length))
        fields = store.finished(store.gather(rows))
        yield Batch(fields, len(rows), start, store.length, numbers[rows]), at


def _together(bad: Sequence[BadRows], rows: int) -> list[BadRows]:
    """The bad rows of all blocks, those that are bad for one reason together, in the order in which they were found."""
    alike: dict[tuple[str, str], list[BadRows]] = {}
    for one in bad:
        alike.setdefault((one.code, one.field), []).append(one)
    return [
        _numbered(several[0], {row: reason for one in several for row, reason in one.reasons.items()}, rows)
        for several in alike.values()
    ]


def _numbered(bad: BadRows, reasons: Mapping[int, str], rows: int) -> BadRows:
    """The same refusal for rows counted over all."""
    return BadRows(bad.code, reasons, field=bad.field, rows=rows, why=bad.why, fix=bad.fix, tolerated=bad.tolerated)


def look_over(
    encodings: Encodings,
    read: Encodings,
    columns: Mapping[str, Column],
    *,
    allow_unknown: bool,
    talk: Talk,
    ids: Collection[str] = (),
) -> dict[str, Column]:
    """The columns that are read, text that means nothing among numbers or dates as gaps; what is taken for what is told.

    Args:
        encodings: all that the model knows.
        read: those of them that it predicts from.
        ids: fields that name rows, which stand beside the answers.

    Raises:
        DataRefusal: in most of the rows, a field has a value that training never saw.
    """
    named, strange = _without_words(read, checked_columns(columns_for(list(read.values()), columns)))
    known = {name for one in encodings.values() for name in one.fields}
    further = [name for name in columns if name not in known and name not in ids]
    if further:
        shown = some_of(further)
        talk.warn(f"{len(further)} further column{'s are' if len(further) > 1 else ' is'} left aside: {shown}")
    if not allow_unknown:
        _refuse_mostly_unseen(read, named)
    for sentence in (*strange, *remarks(read, named)):
        talk.warn(sentence)
    return named


def _without_words(read: Encodings, columns: Mapping[str, Column]) -> tuple[dict[str, Column], list[str]]:
    """The columns, few values that cannot be read as gaps, and a sentence on each such column."""
    ready, told = dict(columns), []
    for one in read.inputs:
        for name, words in one.unreadable([columns[name] for name in one.fields]).items():
            column = columns[name]
            if words and len(words) <= MOST_UNREADABLE * len(column):
                ready[name] = [None if row in words else value for row, value in enumerate(column)]
                shown = "; ".join(f"row {row:,}: {word}" for row, word in list(words.items())[:5])
                more = f"; and {len(words) - 5:,} more" if len(words) > 5 else ""
                told.append(
                    f'{len(words):,} of {len(column):,} values of "{name}" are no {registry.facts("kind", one.kind)["plural"]} '
                    f"and count as missing: {shown}{more}"
                )
    return ready, told


def _refuse_mostly_unseen(read: Encodings, columns: Mapping[str, Column]) -> None:
    rows = len(next(iter(columns.values())))
    found = {
        name: values
        for one in read.inputs
        for name, values in one.unseen([columns[name] for name in one.fields]).items()
        if rows >= MANY_ROWS and len(values) > MOST_UNSEEN * rows
    }
    if found:
        shown = "; ".join(
            f'{name} in {len(values):,} of {rows:,} rows ("{values[0]}")' for name, values in list(found.items())[:5]
        )
        raise DataRefusal(
            "DATA_MOSTLY_UNSEEN",
            f"values that training never saw: {shown}",
            where=f"fields {', '.join(found)}",
            why="the model would answer as if most of these rows were blank",
            fix="look whether these are the right columns in the right spelling; or answer all the same: --allow-unknown true",
            details={"fields": {name: len(values) for name, values in found.items()}, "rows": rows},
        )


def files_of(encodings: Encodings, columns: Mapping[str, Column]) -> dict[str, Column]:
    """The input columns whose values are files, by name."""
    read = columns_for(encodings.inputs, columns)
    return {name: column for name, column in read.items() if Look(name, column).files}
