"""Chains of layers by hand: what those of all kinds share.

Steps come in bursts: parameters lie in one flat tensor, slopes are written where the optimizer reads them, and whether all was
finite is asked once a burst. If it was not, the burst is taken back and half as many steps are tried, so that healthy bursts
pay nothing.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.data.batches import StoredBatches
from thalweg.engine._dense_layers import Link, links_of
from thalweg.engine._flat_adam import FlatAdam
from thalweg.engine._verdicts import Verdict, judges, shares_of, verdict_of
from thalweg.engine.program import Program, Taken
from thalweg.rules.backpropagation import Backpropagation
from thalweg.rules.members import MembersRule

Taught = Backpropagation | MembersRule
LONGEST = 256
"""Steps of a burst at most: their targets and answers are kept until its end."""


class Chain(Program, ABC):
    """Cross-entropy or squared loss, Adam or AdamW, on one process of a CPU, for a net that derived programs know.

    Attributes:
        parts: so many pieces a batch is cut into, each judged by itself.
        classes: numbers that the net answers.
        rounded: (N,) memory for the weights rounded to bfloat16, where the rule's context asks for products in it.
    """

    parts = 1

    def __init__(self, rule: Backpropagation, batches: StoredBatches, *, classes: int) -> None:
        optimizer = rule.descent.optimizer
        assert FlatAdam.fits(optimizer)
        self.rule, self.batches, self.adam, self.classes = rule, batches, FlatAdam(optimizer), classes
        self.supply = Supply.of(rule, batches)
        low = rule.context.precision == "bfloat16"
        self.rounded = torch.empty_like(self.adam.slope, dtype=torch.bfloat16) if low else None

    def take(self, at: Position, most: int) -> Taken:
        """Up to the end of the epoch at most; half as many, and again, where a slope was not finite."""
        assert self.batches.length is not None
        count = min(most, self.batches.length - at.index, LONGEST) if self.adam.lay() else 0
        while count:
            kept = self.adam.kept(), [copy.deepcopy(one.state_dict()) for one in self.rule.followers.values()]
            try:
                losses = self._steps(at, count)
            except (MemoryError, RuntimeError):
                self._restore(*kept)
                raise
            if self.adam.sound() and bool(torch.isfinite(torch.tensor(losses)).all()):
                return Taken(count, losses)
            self._restore(*kept)
            count //= 2
        return Taken(0)

    @abstractmethod
    def slope(self, index: int, given: Tensor, verdict: Verdict) -> None:
        """Write the slope of one batch into `adam.slope`.

        Args:
            index: of the batch within the burst; the verdict counts its parts on from `index * parts`.
            given: what `Supply.fill` reads its rows from, one entry for each.
        """

    @torch.no_grad()
    def _steps(self, at: Position, count: int) -> list[float]:
        """So many steps of one epoch; gives their losses, finite or not."""
        sizes, descent = self._sizes(at.index, at.index + count), self.rule.descent
        inputs, fields = self.supply.burst(at, sizes)
        cut = [part for size in sizes for part in parts_of(size, self.parts)]
        verdict = self.supply.verdict(fields, sizes, cut, classes=self.classes)
        peak, clip = descent.peaks[0], descent.settings.clip
        rates = [share * peak for share in descent.shares(at, count)]
        for index, (given, rate, moment) in enumerate(zip(inputs, rates, self.adam.moments(count), strict=True)):
            if self.rounded is not None:
                self.rounded.copy_(self.adam.memory[0])
            self.slope(index, given, verdict)
            if clip is not None:
                self.adam.clip(clip)
            self.adam.update(rate, moment)
            for follower, leader in self.rule.led():
                follower.update(leader)
        self.adam.group["lr"] = rates[-1]
        losses = verdict.losses()
        return [sum(losses[first : first + self.parts]) for first in range(0, len(losses), self.parts)]

    def _restore(self, state: tuple[Tensor, float], followers: Sequence[dict[str, Any]]) -> None:
        self.adam.restore(state)
        for follower, kept in zip(self.rule.followers.values(), followers, strict=True):
            follower.load_state_dict(kept)

    def _sizes(self, index: int, until: int) -> list[int]:
        """Rows of the batches from one to before another of an epoch."""
        rows, length = len(self.batches.rows), self.batches.length or 1
        return [rows * (one + 1) // length - rows * one // length for one in range(index, until)]


class Supply(ABC):
    """Where the rows of a burst come from."""

    def __init__(self, rule: Taught, batches: StoredBatches) -> None:
        ports, weights = rule.task.ports, rule.task.encodings.of_role("weight")
        self.batches, self.loss, self.dtype = batches, rule.task.loss, rule.descent.parameters[0].dtype
        self.input, self.target, self.weight = ports.inputs[0].name, ports.output.name, [one.name for one in weights][:1]

    @staticmethod
    def of(rule: Taught, batches: StoredBatches) -> "Supply":
        """Gathered from rows that were finished ahead; else batch by batch, as they are augmented."""
        return (_Ahead if batches.ready else _OneByOne)(rule, batches)

    @abstractmethod
    def burst(self, at: Position, sizes: Sequence[int]) -> tuple[Sequence[Tensor], Mapping[str, Tensor]]:
        """What each batch's inputs are filled in from, and the other fields of all rows (R, ...)."""

    @abstractmethod
    def fill(self, inputs: Tensor, given: Tensor) -> None:
        """Write a batch's inputs (B, I), from what `burst` gave for it."""

    def hold(self, dtype: torch.dtype) -> None:
        """Have inputs lie in the type in which they will be read, where they lie anywhere."""

    def verdict(self, fields: Mapping[str, Tensor], sizes: Sequence[int], cut: Sequence[int], *, classes: int) -> Verdict:
        """What the batches of a burst are told, in parts of `cut` rows; the losses of a batch's parts add up to its own."""
        target = fields[self.target]
        weight = next((fields[name].reshape(-1) for name in self.weight), None)
        return verdict_of(self.loss, target, shares_of(weight, sizes, self.dtype), cut, classes=classes)


class _Ahead(Supply):
    """Rows as they lie finished, gathered by number."""

    def __init__(self, rule: Taught, batches: StoredBatches) -> None:
        super().__init__(rule, batches)
        self.inputs = batches.ready[self.input].flatten(1).contiguous()

    def hold(self, dtype: torch.dtype) -> None:
        self.inputs = self.inputs.to(dtype)

    def burst(self, at: Position, sizes: Sequence[int]) -> tuple[Sequence[Tensor], Mapping[str, Tensor]]:
        assert self.batches.length is not None
        first = len(self.batches.rows) * at.index // self.batches.length
        rows = self.batches._shuffled(at)[0][first : first + sum(sizes)]
        return rows.split(sizes), {name: self.batches.ready[name].index_select(0, rows) for name in (self.target, *self.weight)}

    def fill(self, inputs: Tensor, given: Tensor) -> None:
        torch.index_select(self.inputs, 0, given, out=inputs)


class _OneByOne(Supply):
    """Batches as they are gathered and augmented."""

    def burst(self, at: Position, sizes: Sequence[int]) -> tuple[Sequence[Tensor], Mapping[str, Tensor]]:
        several = [self.batches.at(at.advanced(self.batches.length, more)) for more in range(len(sizes))]
        fields = {name: torch.cat([batch[name] for batch in several]) for name in (self.target, *self.weight)}
        return [batch[self.input].flatten(1) for batch in several], fields

    def fill(self, inputs: Tensor, given: Tensor) -> None:
        inputs.copy_(given)


def parts_of(size: int, parts: int) -> list[int]:
    """Rows of each of so many near-equal parts."""
    return [size * (one + 1) // parts - size * one // parts for one in range(parts)]


def read_links(rule: Taught, batches: StoredBatches) -> list[Link] | None:
    """The layers of a net that is a chain of dense layers, where it reads these batches as they lie; None elsewhere."""
    links = links_of(rule.model)
    if links is None:
        return None
    fits = readable(rule, batches, [links[0].linear.in_features], links[-1].linear.out_features)
    return links if fits else None


def readable(rule: Taught, batches: StoredBatches, inputs: Sequence[int], outputs: int) -> bool:
    """One input of that shape, in the type of the weights, and a target that task and loss read as it lies there.

    Args:
        inputs: axes of a row; a single one where the net flattens it first.
        outputs: numbers that the net answers.
    """
    task = rule.task
    if len(task.ports.inputs) != 1 or batches.length is None:
        return False
    batch = batches.at(Position(total=1))
    x, y = batch[task.ports.inputs[0].name], batch[task.ports.output.name]
    flat = x.dim() > 1 and (x.numel() // len(x),) == tuple(inputs)
    if not (flat or x.shape[1:] == tuple(inputs)) or x.dtype != rule.descent.parameters[0].dtype:
        return False
    return judges(task, y, outputs)
