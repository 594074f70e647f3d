"""Blocks: raw columns encoded some rows at a time and cut into batches, so that any number of rows takes bounded memory.

Noise belongs to a block, of which a batch is a part: how many rows a batch holds changes nothing that is drawn.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import torch

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, some_of
from thalweg.core.position import Position
from thalweg.core.talk import Talk
from thalweg.data.batch import Batch
from thalweg.data.batches import Store
from thalweg.data.columns import checked_columns, columns_for
from thalweg.data.encode import remarks
from thalweg.fields.column import Column, Look, take
from thalweg.fields.encoding import BadRows, Encodings
from thalweg.fields.ragged import Ragged

BLOCK = 1024
"""Rows that share what is drawn for them, and that a model reads at once at most."""
ENCODED, READ = 1 << 20, 1 << 22
"""Bytes that are encoded at once, from the second time on, and that a model reads at once: what it makes of them is many times
as large."""
LEAST_READ, MOST_PADDED = 32, 256
"""Rows that a model reads at once at least; and at most where they are padded to the longest of them."""
MANY_ROWS, MOST_UNSEEN = 20, 0.5
"""Of so many rows or more, at most this share may have values that training never saw in one field."""
MOST_UNREADABLE = 0.5
"""At most this share of the rows may have text in one field that no value can be made of."""

Supply = Iterator[tuple[Batch, Position]]
"""Batches, each with the position that its noise is drawn at."""


class Blocks:
    """Batches on the device and in the type of `like`, in order.

    Blocks that lie in arrays are encoded several at a time, as many as memory allows.

    Args:
        columns: as `look_over` gives them.
        size: rows of a batch at most, up to a block; None: by the memory that they take.
        skippable: fields whose values are files; where so few of them that the kind tolerates it cannot be read, their rows are
            left out, and `left_out` says which once all batches were given. Rows keep their numbers.
        first: rows, of whole blocks, that were given before these.
    """

    def __init__(
        self,
        encodings: Encodings,
        columns: Mapping[str, Column],
        at: Position,
        *,
        size: int | None,
        like: torch.Tensor,
        skippable: Collection[str] = (),
        first: int = 0,
    ) -> None:
        self.encodings, self.at, self.size, self.like = encodings, at, size, like
        self.columns = {name: columns[name] for one in encodings.values() for name in one.fields}
        self.rows = len(next(iter(self.columns.values())))
        self.skippable, self.left_out = skippable, dict[int, str]()
        self.blocks_before = first // BLOCK

    def __iter__(self) -> Supply:
        """The batches.

        Raises:
            DataRefusal: rows cannot be encoded: all of them at once, after the batches that are given before the first of them.
        """
        bad: list[BadRows] = []
        first, several = 0, BLOCK
        while first < self.rows:
            store, rows, refused = self._encoded(torch.arange(first, min(first + several, self.rows)))
            bad += refused
            first += several
            if store is not None and all(one.field in self.skippable for one in bad):
                several = self._several(store)
                yield from self._cut(store.to(self.like.device, self.like.dtype), rows)
        for one in _together(bad, self.rows):
            if one.field not in self.skippable or len(one.reasons) > one.tolerated * self.rows:
                raise one
            self.left_out |= one.reasons

    def _encoded(self, rows: torch.Tensor) -> tuple[Store | None, torch.Tensor, list[BadRows]]:
        """The rows (n,) without bad ones (None where none is left, or they may not be skipped), their numbers, what is bad."""
        refused: list[BadRows] = []
        while len(rows):
            try:
                return self._store(_taken(self.columns, rows)), rows, refused
            except BadRows as error:
                refused.append(_numbered(error, {int(rows[row]): reason for row, reason in error.reasons.items()}, self.rows))
                if error.field not in self.skippable:
                    break
                rows = rows[[row for row in range(len(rows)) if row not in error.reasons]]
        return None, rows, refused

    def _store(self, columns: Mapping[str, Column]) -> Store:
        given = {name: [columns[field] for field in one.fields] for name, one in self.encodings.items()}
        for name, one in self.encodings.items():
            one.check(given[name])
        return Store({name: one.encode(given[name]) for name, one in self.encodings.items()}, self.encodings)

    def _several(self, store: Store) -> int:
        """How many rows are encoded next: whole blocks; one alone where values are files, text or objects."""
        if not all(isinstance(column, np.ndarray) for column in self.columns.values()):
            return BLOCK
        return BLOCK * max(1, ENCODED // (BLOCK * max(1, _bytes(store.gather(torch.arange(1))))))

    def _cut(self, store: Store, numbers: torch.Tensor) -> Supply:
        """Batches of encoded rows with the given numbers, each within one block."""
        size = self.size or _read_at_once(store)
        for block, rows in _by_block(numbers):
            for start in range(0, len(rows), size):
                some = rows[start : start + size]
                fields = store.finished(_following(store, int(some[0]), len(some)))
                yield Batch(fields, len(some), start, len(rows), numbers[some]), self.at.inside(self.blocks_before + block)


def _taken(columns: Mapping[str, Column], rows: torch.Tensor) -> dict[str, Column]:
    """The rows (n,), in order; of arrays, those that follow each other are not copied."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows):
        return {name: column[first : last + 1] for name, column in columns.items()}
    return {name: take(column, rows) for name, column in columns.items()}


def _following(store: Store, first: int, count: int) -> dict[str, torch.Tensor]:
    """Rows that follow each other, gathered; where they lie so they are not copied."""
    fields = {name: one[first : first + count] for name, one in store.fields.items() if isinstance(one, torch.Tensor)}
    return fields if len(fields) == len(store.fields) else store.gather(torch.arange(first, first + count))


def _by_block(numbers: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
    """Each block that has some of the numbers (n,), in order, and the places of these."""
    blocks, counts = torch.unique_consecutive(numbers // BLOCK, return_counts=True)
    yield from zip(blocks.tolist(), torch.arange(len(numbers)).split(counts.tolist()), strict=True)


def _read_at_once(store: Store) -> int:
    """Rows of a batch: as many as lie in a processor's cache."""
    most = MOST_PADDED if any(isinstance(one, Ragged) for one in store.fields.values()) else BLOCK
    row = _bytes(store.finished(store.gather(torch.arange(1))))
    return max(LEAST_READ, min(most, READ // max(1, row)))


def _bytes(fields: Mapping[str, torch.Tensor]) -> int:
    return sum(one.nbytes for one in fields.values())


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
    """The input columns whose values are files, by name; columns as `look_over` gives them."""
    fields = [name for one in encodings.inputs for name in one.fields]
    return {name: columns[name] for name in fields if Look(name, columns[name]).files}
