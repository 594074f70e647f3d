"""Chains of dense layers by hand: forward, backward and Adam in kept memory, nothing else between two steps.

The step of a small perceptron is bound by what surrounds its products: graph, optimizer, gathering, guards. Here parameters lie
in one flat tensor, slopes are written where the optimizer reads them, and whether all was finite is asked once a burst. If it
was not, the burst is taken back and half as many steps are tried, so that healthy bursts pay nothing.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import program
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine._dense_layers import Layer, Link, Pass, links_of
from thalweg.engine._flat_adam import FlatAdam
from thalweg.engine._usual import usual
from thalweg.engine._verdicts import CrossEntropyVerdict, SquaredVerdict, Verdict, shares_of
from thalweg.engine.program import Program, Taken
from thalweg.losses.cross_entropy import CrossEntropy
from thalweg.losses.squared import Squared
from thalweg.rules._rule import Rule
from thalweg.rules.backpropagation import Backpropagation
from thalweg.tasks.classification import Classification
from thalweg.tasks.regression import Regression

LONGEST = 256
"""Steps of a burst at most: their targets and answers are kept until its end."""

MOST_WEIGHTS = 4_000_000
"""Weights beyond which products take nearly all of a step, so that nothing is worth another copy of them."""


@program("dense-chain")
class DenseChain(Program):
    """Dense layers one after the other, cross-entropy or squared loss, Adam or AdamW, on one process of a CPU."""

    def __init__(self, rule: Backpropagation, batches: StoredBatches, links: Sequence[Link]) -> None:
        optimizer = rule.descent.optimizer
        assert FlatAdam.fits(optimizer)
        self.rule, self.batches, self.adam = rule, batches, FlatAdam(optimizer)
        self.layers = [_layer(link, self.adam.views()) for link in links]
        self.supply = _Supply.of(rule, batches)
        largest = Pass(self.layers, batches.size)
        self.passes = {rows: largest.cut(rows) for rows in {batches.size, *self._sizes(0, batches.length or 1)}}

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "DenseChain | None":
        if not usual(rule, most_weights=MOST_WEIGHTS) or type(batches) is not StoredBatches:
            return None
        links = links_of(rule.model)
        if links is None:
            return None
        return cls(rule, batches, links) if _readable(rule, batches, links) else None

    def take(self, at: Position, most: int) -> Taken:
        """Up to the end of the epoch at most; half as many, and again, where a slope was not finite."""
        assert self.batches.length is not None
        count = min(most, self.batches.length - at.index, LONGEST) if self.adam.lay() else 0
        while count:
            kept = self.adam.kept(), [copy.deepcopy(one.state_dict()) for one in self.rule.followers.values()]
            losses = self._steps(at, count)
            if self.adam.sound() and bool(torch.isfinite(torch.tensor(losses)).all()):
                return Taken(count, losses)
            self._restore(*kept)
            count //= 2
        return Taken(0)

    @torch.no_grad()
    def _steps(self, at: Position, count: int) -> list[float]:
        """So many steps of one epoch; gives their losses, finite or not."""
        sizes, descent = self._sizes(at.index, at.index + count), self.rule.descent
        inputs, fields = self.supply.burst(at, sizes)
        verdict = self.supply.verdict(fields, sizes, like=self.layers[-1].weight)
        peak, clip = descent.peaks[0], descent.settings.clip
        rates = [share * peak for share in descent.shares(at, count)]
        each = zip(inputs, sizes, rates, self.adam.moments(count), strict=True)
        for index, (given, size, rate, moment) in enumerate(each):
            work = self.passes[size]
            self.supply.fill(work.inputs, given)
            verdict.slope(index, work.forward(), work.slope)
            work.backward()
            if clip is not None:
                self.adam.clip(clip)
            self.adam.update(rate, moment)
            for follower, leader in self.rule.led():
                follower.update(leader)
        self.adam.group["lr"] = rates[-1]
        return verdict.losses()

    def _restore(self, state: tuple[Tensor, float], followers: Sequence[dict[str, Any]]) -> None:
        self.adam.restore(state)
        for follower, kept in zip(self.rule.followers.values(), followers, strict=True):
            follower.load_state_dict(kept)

    def _sizes(self, index: int, until: int) -> list[int]:
        """Rows of the batches from one to before another of an epoch."""
        rows, length = len(self.batches.rows), self.batches.length or 1
        return [rows * (one + 1) // length - rows * one // length for one in range(index, until)]


def _layer(link: Link, views: Mapping[int, tuple[Tensor, Tensor]]) -> Layer:
    weight, weight_slope = views[id(link.linear.weight)]
    bias, bias_slope = views.get(id(link.linear.bias), (None, None))
    return Layer(weight, bias, weight_slope, bias_slope, link.activation)


class _Supply(ABC):
    """Where the rows of a burst come from."""

    def __init__(self, rule: Backpropagation, batches: StoredBatches) -> None:
        ports, weights = rule.task.ports, rule.task.encodings.of_role("weight")
        self.batches, self.loss = batches, rule.task.loss
        self.input, self.target, self.weight = ports.inputs[0].name, ports.output.name, [one.name for one in weights][:1]

    @staticmethod
    def of(rule: Backpropagation, batches: StoredBatches) -> "_Supply":
        """Gathered from rows that were finished ahead; else batch by batch, as they are augmented."""
        return (_Ahead if batches.ready else _OneByOne)(rule, batches)

    @abstractmethod
    def burst(self, at: Position, sizes: Sequence[int]) -> tuple[Sequence[Tensor], Mapping[str, Tensor]]:
        """What each batch's inputs are filled in from, and the other fields of all rows (R, ...)."""

    @abstractmethod
    def fill(self, inputs: Tensor, given: Tensor) -> None:
        """Write a batch's inputs (B, I), from what `burst` gave for it."""

    def verdict(self, fields: Mapping[str, Tensor], sizes: Sequence[int], *, like: Tensor) -> Verdict:
        """What the batches of a burst are told, by a last layer whose weight (C, O) is `like`."""
        target = fields[self.target]
        weight = next((fields[name].reshape(-1) for name in self.weight), None)
        shares = shares_of(weight, sizes, like.dtype)
        if isinstance(self.loss, CrossEntropy):
            return CrossEntropyVerdict(self.loss, target, shares, sizes, classes=len(like))
        return SquaredVerdict(target.reshape(len(target), -1), shares, sizes)


class _Ahead(_Supply):
    """Rows as they lie finished, gathered by number."""

    def __init__(self, rule: Backpropagation, batches: StoredBatches) -> None:
        super().__init__(rule, batches)
        self.inputs = batches.ready[self.input].flatten(1).contiguous()

    def burst(self, at: Position, sizes: Sequence[int]) -> tuple[Sequence[Tensor], Mapping[str, Tensor]]:
        assert self.batches.length is not None
        first = len(self.batches.rows) * at.index // self.batches.length
        rows = self.batches._shuffled(at)[0][first : first + sum(sizes)]
        return rows.split(sizes), {name: self.batches.ready[name].index_select(0, rows) for name in (self.target, *self.weight)}

    def fill(self, inputs: Tensor, given: Tensor) -> None:
        torch.index_select(self.inputs, 0, given, out=inputs)


class _OneByOne(_Supply):
    """Batches as they are gathered and augmented."""

    def burst(self, at: Position, sizes: Sequence[int]) -> tuple[Sequence[Tensor], Mapping[str, Tensor]]:
        several = [self.batches.at(at.advanced(self.batches.length, more)) for more in range(len(sizes))]
        fields = {name: torch.cat([batch[name] for batch in several]) for name in (self.target, *self.weight)}
        return [batch[self.input].flatten(1) for batch in several], fields

    def fill(self, inputs: Tensor, given: Tensor) -> None:
        inputs.copy_(given)


def _readable(rule: Backpropagation, batches: StoredBatches, links: Sequence[Link]) -> bool:
    """One input as wide as the first layer, and a target that task and loss read as it lies there."""
    task, first, outputs = rule.task, links[0].linear, links[-1].linear.out_features
    if len(task.ports.inputs) != 1 or batches.length is None:
        return False
    batch = batches.at(Position(total=1))
    x, y = batch[task.ports.inputs[0].name], batch[task.ports.output.name]
    if x.dim() < 2 or x.flatten(1).shape[1] != first.in_features or x.dtype != first.weight.dtype:
        return False
    if type(task) is Classification and type(task.loss) is CrossEntropy:
        return outputs > 1 and (y.shape[1:] == (outputs,) if y.is_floating_point() else y.dim() == 1)
    squared = type(task) is Regression and type(task.loss) is Squared
    return squared and y.is_floating_point() and y.dim() <= 2 and y[0].numel() == outputs
