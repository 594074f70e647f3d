"""Batches: what training steps over. For stored data a pure function of position; what must remember says so in its state."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.core.sending import sent
from thalweg.data._mapped import Mapped
from thalweg.data.batch import Batch
from thalweg.fields.encoding import Encodings
from thalweg.fields.ragged import Ragged
from thalweg.fields.windows import Windows

Stored = Tensor | Ragged | Windows | Mapped
"""The encoded values of a field: in memory, of varying length, parts of one text, or in a file."""
AHEAD = 2
"""Batches whose rows are fetched from a file while earlier ones are learned from."""
Augment = Callable[[Batch, Position], Batch]
"""An augmentation of the whole global batch; randomness only from the position."""
FINISHED_AT_ONCE = 4096
"""Rows that are finished in one go."""


class Batches(ABC):
    """A supply of batches.

    Attributes:
        length: steps in an epoch; None where there are no epochs.
        augment: augmentations that `at` applies in turn.
    """

    length: int | None = None
    augment: Sequence[Augment] = ()

    @abstractmethod
    def at(self, position: Position) -> Batch:
        """This process's rows of the batch at a position, gathered and augmented."""

    def __iter__(self) -> Iterator[Batch]:
        """Once through this process's rows in order, as they are: evaluation, begin and end of a stage."""
        return iter(())

    def state_dict(self) -> dict[str, Any]:
        """What must be remembered to go on; empty where `at` is a pure function of position."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""


class Store:
    """Encoded examples: compact tensors, in memory or mapped, and ragged values by name, gathered by index.

    Args:
        dtype: type in which floats reach the model; compact integers and codes stay what they are.
    """

    def __init__(self, fields: Mapping[str, Stored], encodings: Encodings, dtype: torch.dtype = torch.float32) -> None:
        self.fields, self.encodings, self.dtype = dict(fields), encodings, dtype
        self.mapped = [stored for stored in self.fields.values() if isinstance(stored, Mapped)]
        self.length = len(next(iter(self.fields.values())))
        assert all(len(field) == self.length for field in self.fields.values()), "fields differ in length"

    def gather(self, rows: Tensor) -> dict[str, Tensor]:
        """The rows (B,) of every field, ragged ones padded to the longest of these rows, with masks."""
        gathered: dict[str, Tensor] = {}
        for name, stored in self.fields.items():
            if isinstance(stored, Ragged):
                gathered[name], gathered[f"{name}_mask"] = stored.gather(rows)
            else:
                gathered[name] = stored[sent(rows, stored.device)]
        return gathered

    def expect(self, rows: Tensor) -> None:
        """These rows (B,) will be gathered soon: what lies in files is fetched meanwhile."""
        for stored in self.mapped:
            stored.expect(rows)

    def loosened(self, fields: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Gathered fields in the form that augmentations act on."""
        return {name: self.encodings[name].loosen(t) if name in self.encodings else t for name, t in fields.items()}

    def finished(self, fields: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Gathered fields in the form that models read."""
        ready = {name: self.encodings[name].finish(t) if name in self.encodings else t for name, t in fields.items()}
        return {name: t.to(self.dtype) if t.is_floating_point() else t for name, t in ready.items()}

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Store":
        """The same store with its values on a device, giving floats of a type."""
        return Store({name: field.to(device) for name, field in self.fields.items()}, self.encodings, dtype)


class StoredBatches(Batches):
    """Batches of some rows of a store.

    An epoch of n rows is cut into near-equal batches (rows n·i//length to n·(i+1)//length), so that no process is ever left
    without rows and no tiny last batch upsets batch statistics.

    Args:
        rows: (n,) row numbers in the store; the order of `__iter__`.
        size: rows of a global batch, at most.
        augment: applied in turn to the whole global batch, before rows are divided among processes, so that mixing partners do
            not depend on the number of processes.
        shuffled: order drawn anew each epoch, from seed, stage and epoch alone.

    Attributes:
        ready: (n, ...) by field, the rows in order as models read them, where they were finished ahead; empty otherwise.
    """

    def __init__(
        self,
        store: Store,
        rows: Tensor,
        *,
        size: int,
        shuffled: bool = False,
        augment: Sequence[Augment] = (),
        processes: Processes | None = None,
    ) -> None:
        self.store, self.rows, self.size = store, rows, size
        self.shuffled, self.augment = shuffled, tuple(augment)
        self.processes = processes or Processes()
        self.length = max(1, -(-len(rows) // size))
        self.ready: dict[str, Tensor] = {}
        self._order: tuple[object, Tensor, Tensor] = (None, torch.arange(len(rows)), rows)

    def finish_ahead(self, most: int) -> bool:
        """Finish all rows once, so that a batch is a gather and nothing else; says whether that can be.

        Not where batches are augmented, or padded to the longest of their rows.

        Args:
            most: bytes that the finished rows may take.
        """
        ragged = any(isinstance(stored, Ragged) for stored in self.store.fields.values())
        if self.ready or self.augment or ragged or not len(self.rows):
            return bool(self.ready)
        sample = self.store.finished(self.store.gather(self.rows[:1]))
        if len(self.rows) * sum(one.nbytes for one in sample.values()) > most:
            return False
        blocks = [self.store.finished(self.store.gather(block)) for block in self.rows.split(FINISHED_AT_ONCE)]
        self.ready = {name: torch.cat([block[name] for block in blocks]) for name in sample}
        return True

    def at(self, position: Position) -> Batch:
        n, index = len(self.rows), position.index
        first, last = n * index // self.length, n * (index + 1) // self.length  # type: ignore[operator]
        rows = self._ordered(position)[first:last]
        self._expect(self._ordered(position), index)
        start, end = self.processes.cut(len(rows))
        if self.ready:
            here = self._shuffled(position)[0][first:last][start:end]
            fields = {name: one.index_select(0, sent(here, one.device)) for name, one in self.ready.items()}
            return Batch(fields, end - start, start, len(rows), rows[start:end])
        if not self.augment:
            return self._gathered(rows, start, end)
        whole = Batch(self.store.loosened(self.store.gather(rows)), len(rows), 0, len(rows), rows)
        for augment in self.augment:
            whole = augment(whole, position)
        return whole.having(self.store.finished(whole)).cut(start, end)

    def __iter__(self) -> Iterator[Batch]:
        assert self.length is not None
        for index in range(self.length):
            first, last = len(self.rows) * index // self.length, len(self.rows) * (index + 1) // self.length
            self._expect(self.rows, index)
            start, end = self.processes.cut(last - first)
            if end > start:
                yield self._gathered(self.rows[first:last], start, end)

    def _expect(self, ordered: Tensor, index: int) -> None:
        """Before batch `index`, have the rows of the one `AHEAD` of it fetched; before the first, those of all up to it."""
        if not self.store.mapped or self.ready:
            return
        assert self.length is not None
        begun, until = index + AHEAD if index else 0, min(index + AHEAD + 1, self.length)
        self.store.expect(ordered[len(ordered) * begun // self.length : len(ordered) * until // self.length])

    def _gathered(self, rows: Tensor, start: int, end: int) -> Batch:
        """Rows start to end of a global batch; padding is as wide as the global batch's longest row."""
        fields = self.store.gather(rows)
        if (start, end) != (0, len(rows)):
            fields = {name: tensor[start:end] for name, tensor in fields.items()}
        return Batch(self.store.finished(fields), end - start, start, len(rows), rows[start:end])

    def _ordered(self, position: Position) -> Tensor:
        """Row numbers (n,) in the order of the position's epoch."""
        return self._shuffled(position)[1]

    def _shuffled(self, position: Position) -> tuple[Tensor, Tensor]:
        """Places among `rows` and row numbers, both (n,), in the order of the position's epoch."""
        key = (position.seed, position.stage, position.epoch)
        if self.shuffled and self._order[0] != key:
            places = torch.randperm(len(self.rows), generator=position.generator("order", by="epoch"))
            self._order = (key, places, self.rows[places])
        return self._order[1:]
