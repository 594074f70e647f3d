"""Where the rows of several runs come from, for programs that take steps by hand.

Every batch has room for as many rows of each run; where a run has fewer, what lies there counts nothing.

Letters: M runs, L batches of an epoch, B rows of a batch at most, n steps of a burst, I inputs.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.engine._several import MOST_AHEAD, Abreast, SeveralBatches
from thalweg.tasks._task import Task


class SeveralSupply(ABC):
    """The rows of the runs that are still learning.

    Attributes:
        rows: B.
    """

    def __init__(self, batches: SeveralBatches, task: Task, dtype: torch.dtype) -> None:
        self.batches, self.dtype, self.supplies = batches, dtype, batches.going()
        self.input, self.target = task.ports.inputs[0].name, task.ports.output.name
        self.weight = next((one.name for one in task.encodings.of_role("weight")), None)
        length = batches.length or 1
        self.rows = max(-(-len(one.rows) // length) for one in self.supplies)
        self.places = torch.stack([places_of(len(one.rows), length, self.rows) for one in self.supplies], 1)  # (L, M, B)
        self.counted = (self.places >= 0).to(dtype)

    @staticmethod
    def of(batches: SeveralBatches, task: Task, dtype: torch.dtype) -> "SeveralSupply | None":
        """Gathered from rows that were finished ahead; else step by step, as they are augmented; None where neither can be."""
        if batches.finish_ahead(MOST_AHEAD):
            return _Ahead(batches, task, dtype)
        return _AsMade(batches, task, dtype) if batches.even else None

    @abstractmethod
    def burst(self, at: Position, count: int) -> tuple[Sequence[Tensor], Tensor, Tensor | None]:
        """What each step's inputs are filled in from; targets (n M B, ...) and weights (n, M, B) of all rows."""

    @abstractmethod
    def fill(self, inputs: Tensor, given: Tensor) -> None:
        """Write a step's inputs (M, B, I), from what `burst` gave for it."""

    def shares(self, at: Position, count: int, weight: Tensor | None) -> Tensor:
        """(n M B,) what each row counts of its batch's loss."""
        counted = self.counted[at.index : at.index + count]
        weight = counted if weight is None else counted * weight
        whole = weight.sum(2, dtype=torch.float64).to(self.dtype).clamp(min=torch.finfo(self.dtype).tiny)
        return (weight / whole.unsqueeze(2)).flatten()


class _Ahead(SeveralSupply):
    """Rows as they lie finished, gathered by number: those of all runs from one memory."""

    def __init__(self, batches: SeveralBatches, task: Task, dtype: torch.dtype) -> None:
        super().__init__(batches, task, dtype)
        first = self.supplies[0]
        shared = all(one.ready is first.ready for one in self.supplies)
        held = [first] if shared else self.supplies
        names = [name for name in (self.input, self.target, self.weight) if name is not None]
        self.ready = {name: torch.cat([one.ready[name] for one in held]) if held[1:] else first.ready[name] for name in names}
        self.inputs = self.ready[self.input].flatten(1).contiguous()
        before = 0
        self.before = [0] * len(self.supplies)
        for number, one in enumerate(() if shared else self.supplies):
            self.before[number], before = before, before + len(one.rows)
        self._order: tuple[object, Tensor] = (None, torch.empty(0))

    def burst(self, at: Position, count: int) -> tuple[Sequence[Tensor], Tensor, Tensor | None]:
        table = self._ordered(self.batches.several.place(at))[at.index : at.index + count]  # (n, M, B)
        rows = table.flatten()
        weight = None if self.weight is None else self.ready[self.weight].index_select(0, rows).view(table.shape)
        return table.flatten(1).unbind(), self.ready[self.target].index_select(0, rows), weight

    def fill(self, inputs: Tensor, given: Tensor) -> None:
        torch.index_select(self.inputs, 0, given, out=inputs.flatten(0, 1))

    def _ordered(self, place: Abreast) -> Tensor:
        """The rows (L, M, B) of an epoch, in the order of each run."""
        key = (place.stage, place.epoch, place.seeds)
        if self._order[0] != key:
            each = zip(self.supplies, place.each(), self.before, self.places.unbind(1), strict=True)
            ordered = [supply._shuffled(at)[0][places] + before for supply, at, before, places in each]
            self._order = (key, torch.stack(ordered, 1))
        return self._order[1]


class _AsMade(SeveralSupply):
    """Batches as they are gathered and augmented."""

    def burst(self, at: Position, count: int) -> tuple[Sequence[Tensor], Tensor, Tensor | None]:
        several = [self.batches.at(at.advanced(self.batches.length, more)) for more in range(count)]
        inputs = [batch[self.input].view(len(self.supplies), -1, *batch[self.input].shape[1:]).flatten(2) for batch in several]
        target = torch.stack([self._with_room(batch[self.target]) for batch in several]).flatten(0, 2)
        weighted = [self._with_room(batch[self.weight].reshape(-1)) for batch in several] if self.weight else None
        return inputs, target, torch.stack(weighted) if weighted else None

    def fill(self, inputs: Tensor, given: Tensor) -> None:
        inputs[:, : given.shape[1]].copy_(given)
        inputs[:, given.shape[1] :].zero_()

    def _with_room(self, values: Tensor) -> Tensor:
        """(M b, ...) as (M, B, ...)."""
        apart = values.view(len(self.supplies), -1, *values.shape[1:])
        roomy = apart.new_zeros(apart.shape[0], self.rows, *apart.shape[2:])
        roomy[:, : apart.shape[1]] = apart
        return roomy


def places_of(rows: int, length: int, most: int) -> Tensor:
    """(L, B) which rows of an epoch's order each of its batches holds, as `StoredBatches` cuts it; -1 where it holds less."""
    starts = torch.arange(length + 1) * rows // length
    places = starts[:-1, None] + torch.arange(most)
    return torch.where(places < starts[1:, None], places, -1)
