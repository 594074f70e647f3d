"""Captured steps: forward, backward and update as one graph of kernels, which a GPU is told to go through by one call.

Between two steps the host fills in what differs from one to the next: the rows of the batch, the rates, how far averages go.

Letters: G groups of parameters, F followers, B rows of a batch.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position, seed_from
from thalweg.core.registry import program
from thalweg.core.sending import sent
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine._recorded import Asked, recorded
from thalweg.engine._unwaited import Unwaited, waits_for_nothing
from thalweg.engine._usual import altered
from thalweg.fields.ragged import Ragged
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule
from thalweg.tasks._task import Task


class Place(ABC):
    """Memory that a graph reads its batch from."""

    @abstractmethod
    def fill(self, given: Any) -> None:  # noqa: ANN401 - what its kind is given
        """Put the next batch there."""

    @abstractmethod
    def read(self) -> Batch:
        """The batch that lies there."""


class Gathered(Place):
    """Rows that were finished ahead, gathered by where they lie among them (B,)."""

    def __init__(self, ready: Mapping[str, Tensor], places: Tensor) -> None:
        self.ready, self.places = ready, places.clone()

    def fill(self, given: Tensor) -> None:
        self.places.copy_(given)

    def read(self) -> Batch:
        return Batch.of({name: one.index_select(0, self.places) for name, one in self.ready.items()})


class Copied(Place):
    """Batches as they are made, augmented and prepared, copied there."""

    def __init__(self, batch: Batch) -> None:
        self.batch = dataclasses.replace(batch, fields={name: one.clone() for name, one in batch.items()}, rows=None)

    def fill(self, given: Batch) -> None:
        for name, one in self.batch.items():
            one.copy_(given[name])

    def read(self) -> Batch:
        return self.batch


@program("captured", by_slope=True)
class Captured(Unwaited):
    """Steps whose graphs are recorded before the first of each shape is taken, under a halt, so that nothing is learned by it.

    Rates lie on the device in float32, so that losses are those of the rule's own steps up to rounding.

    Attributes:
        graphs: by the shape of a batch, where it lies and what takes a step on it.
    """

    def __init__(self, rule: GradientRule, batches: Batches) -> None:
        super().__init__(rule, batches)
        device, weight = rule.context.device, rule.descent.parameters[0]
        self.rates = torch.zeros(len(rule.descent.peaks), dtype=torch.float32, device=device)  # (G,)
        self.shares = torch.zeros(len(rule.followers), dtype=weight.dtype, device=device)  # (F,)
        self.loss = torch.zeros((), dtype=weight.dtype, device=device)
        self.graphs: dict[Any, tuple[Place, Callable[[], object]]] = {}
        self._recorded_at: tuple[int, ...] = ()
        stored = type(batches) is StoredBatches and batches.ready and type(rule.task).prepare is Task.prepare
        self.ready: StoredBatches | None = batches if stored else None  # type: ignore[assignment]

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "Captured | None":
        return cls(rule, batches) if rule.context.device.type == "cuda" and may_be_captured(rule, batches) else None

    def within(self, at: Position, most: int) -> int:
        """Rows are gathered in the order of one epoch."""
        left = most if self.ready is None or self.ready.length is None else self.ready.length - at.index
        return min(super().within(at, most), left)

    def begin(self, at: Position, count: int, shares: Tensor) -> Tensor:
        if self._recorded_at != self._lying():
            self.graphs.clear()
            self._record_sizes(at)
        ways = [self.rule.descent.rates(at.advanced(self.batches.length, more)) for more in range(count)]
        rates = sent(torch.tensor(ways, dtype=torch.float32), self.loss.device)  # (count, G)
        losses = self.loss.new_empty(count)
        for index, given in enumerate(self._given(at, count)):
            place, replay = self._graph(given)
            place.fill(given)
            self.rates.copy_(rates[index])
            self.shares.copy_(shares[index])
            seed_from(at.advanced(self.batches.length, index))
            replay()
            losses[index].copy_(self.loss)
        return losses

    def _given(self, at: Position, count: int) -> Iterator[Tensor | Batch]:
        """What each step is filled in with."""
        if self.ready is None:
            for more in range(count):
                yield self._made(at.advanced(self.batches.length, more))
            return
        n, length = len(self.ready.rows), self.ready.length or 1
        edges = [n * index // length for index in range(at.index, at.index + count + 1)]
        places = self.ready._shuffled(at)[0][edges[0] : edges[-1]]
        yield from sent(places, self.loss.device).split([last - first for first, last in pairwise(edges)])

    def _made(self, at: Position) -> Batch:
        seed_from(at)
        return self.rule.prepare(self.batches.at(at), at)

    def _record_sizes(self, at: Position) -> None:
        """Record both sizes that an epoch's batches have, so that no later call is held up by one."""
        if not isinstance(self.batches, StoredBatches):
            return
        n, length = len(self.batches.rows), self.batches.length or 1
        for size in {n // length, -(-n // length)}:
            index = next(one for one in range(length) if n * (one + 1) // length - n * one // length == size)
            for given in self._given(dataclasses.replace(at, index=index), 1):
                self._graph(given)

    def _graph(self, given: Tensor | Batch) -> tuple[Place, Callable[[], object]]:
        key = len(given) if isinstance(given, Tensor) else tuple((name, one.dtype, one.shape) for name, one in given.items())
        if key not in self.graphs:
            self.graphs[key] = self._record(given)
        return self.graphs[key]

    def _record(self, given: Tensor | Batch) -> tuple[Place, Callable[[], object]]:
        """The graph of a step on batches of a shape.

        Raises:
            UsageRefusal: the step asks the host for something on its way.
        """
        if isinstance(given, Batch):
            place: Place = Copied(given)
        else:
            assert self.ready is not None
            place = Gathered(self.ready.ready, given)
        before = self.halted.clone()
        self.halted.fill_(1)
        self._refuse_asking(place)
        replay = recorded(lambda: self._act(place), self.loss.device)
        self.halted.copy_(before)
        self._recorded_at = self._lying()
        return place, replay

    def _refuse_asking(self, place: Place) -> None:
        """Return if a step asks the host for nothing, its objective as it is before it is compiled."""
        objective, self.rule.objective = self.rule.objective, self.rule.task.objective
        try:
            with Asked() as asked:
                self._act(place)
        finally:
            self.rule.objective = objective
        if asked.names:
            raise _not_recordable(asked.names)

    def _act(self, place: Place) -> None:
        """One step, from memory that is filled in to memory that is read out."""
        self.loss.copy_(self.rule.step_unless(self.halted, place.read(), self.rates.unbind(), self.shares))
        self.done.add_(1 - self.halted)

    def _lying(self) -> tuple[int, ...]:
        """Where all lies that a step reads and writes; graphs hold for there alone."""
        held = [*self.rule.model.parameters(), *self.rule.model.buffers()]
        for state in self.rule.descent.optimizer.state.values():
            held += [one for one in state.values() if isinstance(one, Tensor)]
        return tuple(one.data_ptr() for one in held)


def may_be_captured(rule: Rule, batches: Batches) -> TypeGuard[GradientRule]:
    """Whether task, loss and model say that they do the same operations on every batch of a shape, and nobody listens in."""
    if not waits_for_nothing(rule, batches):
        return False
    parts = [one for one in (rule.task, rule.task.loss, rule.model) if one is not None and not _of_torch(one)]
    ragged = isinstance(batches, StoredBatches) and any(isinstance(one, Ragged) for one in batches.store.fields.values())
    return all(map(_capturable, parts)) and not ragged and not any(map(altered, rule.model.modules()))


def _of_torch(part: object) -> bool:
    """A net of nothing but torch's own layers."""
    return isinstance(part, nn.Module) and all(type(one).__module__.startswith("torch.nn.") for one in part.modules())


def _capturable(part: object) -> bool:
    declaration = vars(type(part)).get("declaration")  # its own: who inherits one may do otherwise
    return declaration is not None and bool(declaration.facts.get("capturable"))


def _not_recordable(names: set[str]) -> UsageRefusal:
    return UsageRefusal(
        "SPEED_NOT_CAPTURABLE",
        f"a step of this net and loss asks the host on its way: {', '.join(sorted(names))}",
        where="--speed",
        why="a graph of kernels would go on with the answer that was given when it was recorded",
        fix="--speed probe, which finds what fits, or --speed plain",
    )
