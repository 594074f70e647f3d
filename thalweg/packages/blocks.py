"""Blocks: raw columns encoded some rows at a time and cut into batches, so that any number of rows takes bounded memory.

Noise belongs to a block, of which a batch is a part: how many rows a batch holds changes nothing that is drawn.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch

from thalweg.core.errors import DataRefusal
from thalweg.core.position import Position
from thalweg.core.talk import Talk
from thalweg.data.batch import Batch
from thalweg.data.batches import Store
from thalweg.data.columns import checked_columns, columns_for
from thalweg.data.encode import encode_columns, remarks
from thalweg.fields.column import Column
from thalweg.fields.encoding import BadRows, Encodings

BLOCK = 1024
"""Rows that are encoded at once."""
MANY_ROWS, MOST_UNSEEN = 20, 0.5
"""Of so many rows or more, at most this share may have values that training never saw in one field."""

Supply = Iterator[tuple[Batch, Position]]
"""Batches, each with the position that its noise is drawn at."""


def batches_of(encodings: Encodings, columns: Mapping[str, Column], at: Position, *, size: int, like: torch.Tensor) -> Supply:
    """Batches of at most `size` rows on the device and in the type of `like`, in order.

    Raises:
        DataRefusal: columns are missing or differ in length, or rows cannot be encoded: all of them at once, but for those
            before the first bad block, which are given first.
    """
    named = checked_columns(columns_for(list(encodings.values()), columns))
    rows = len(next(iter(named.values())))
    bad: list[tuple[int, BadRows]] = []
    for first in range(0, rows, BLOCK):
        try:
            store = encode_columns(encodings, {name: column[first : first + BLOCK] for name, column in named.items()})
        except BadRows as error:
            bad.append((first, error))
        if not bad:
            yield from _cut(store.to(like.device, like.dtype), first, at.inside(first // BLOCK), size)
    if bad:
        raise _together(bad, rows)


def _cut(store: Store, first: int, at: Position, size: int) -> Supply:
    for start in range(0, store.length, size):
        rows = torch.arange(start, min(start + size, store.length))
        fields = store.finished(store.gather(rows))
        yield Batch(fields, len(rows), start, store.length, rows + first), at


def _together(bad: Sequence[tuple[int, BadRows]], rows: int) -> BadRows:
    """The bad rows of all blocks that are bad for the first one's reason, numbered over all rows."""
    one = bad[0][1]
    alike = [(first, each) for first, each in bad if (each.code, each.field) == (one.code, one.field)]
    reasons = {first + row: reason for first, each in alike for row, reason in each.reasons.items()}
    return BadRows(one.code, reasons, field=one.field, rows=rows, why=one.why, fix=one.fix)


def look_over(encodings: Encodings, read: Encodings, columns: Mapping[str, Column], *, allow_unknown: bool, talk: Talk) -> None:
    """Tell what of the columns is left aside or taken for something else.

    Args:
        encodings: all that the model knows.
        read: those of them that it predicts from.

    Raises:
        DataRefusal: in most of the rows, a field has a value that training never saw.
    """
    named = checked_columns(columns_for(list(read.values()), columns))
    known = {name for one in encodings.values() for name in one.fields}
    further = [name for name in columns if name not in known]
    if further:
        shown = ", ".join(further[:5]) + (f" and {len(further) - 5} more" if len(further) > 5 else "")
        talk.warn(f"{len(further)} further column{'s are' if len(further) > 1 else ' is'} left aside: {shown}")
    if not allow_unknown:
        _refuse_mostly_unseen(read, named)
    for sentence in remarks(read, named):
        talk.warn(sentence)


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
