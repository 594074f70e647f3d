"""Chains of dense layers by hand: forward, backward and Adam in kept memory, nothing else between two steps.

The step of a small perceptron is bound by what surrounds its products: graph, optimizer, gathering, guards. Here parameters lie
in one flat tensor, slopes are written where the optimizer reads them, and whether all was finite is asked once a burst. If it
was not, the burst is taken back and half as many steps are tried, so that healthy bursts pay nothing.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import program
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine._dense_layers import Layer, Link, Pass, links_of
from thalweg.engine._flat_adam import FlatAdam
from thalweg.engine._verdicts import CrossEntropyVerdict, SquaredVerdict, Verdict, shares_of
from thalweg.engine.program import Program, Taken
from thalweg.losses.cross_entropy import CrossEntropy
from thalweg.losses.squared import Squared
from thalweg.optimizers._descent import Descent
from thalweg.rules._rule import Rule
from thalweg.rules.backpropagation import Backpropagation
from thalweg.tasks.classification import Classification
from thalweg.tasks.regression import Regression

LONGEST = 256
"""Steps of a burst at most: their targets and answers are kept until its end."""


@program("dense-chain", exact=True, builds="0", gain=3.0)
class DenseChain(Program):
    """Dense layers one after the other, cross-entropy or squared loss, Adam or AdamW, on one process of a CPU."""

    def __init__(self, rule: Backpropagation, batches: StoredBatches, links: Sequence[Link], fields: "_Fields") -> None:
        optimizer = rule.descent.optimizer
        assert FlatAdam.fits(optimizer)
        self.rule, self.batches, self.adam = rule, batches, FlatAdam(optimizer)
        self.layers = [_layer(link, self.adam.views()) for link in links]
        self.fields = fields
        largest = Pass(self.layers, batches.size)
        self.passes = {rows: largest.cut(rows) for rows in {batches.size, *self._sizes(0, batches.length or 1)}}

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "DenseChain | None":
        if type(rule) is not Backpropagation or type(batches) is not StoredBatches or not batches.ready:
            return None
        links = links_of(rule.model)
        if links is None or not _usual(rule) or not FlatAdam.fits(rule.descent.optimizer):
            return None
        fields = _Fields(rule, batches.ready)
        return cls(rule, batches, links, fields) if fields.fit(links) else None

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
        first = self._first(at.index)
        rows = self.batches._shuffled(at)[0][first : first + sum(sizes)]
        verdict = self.fields.verdict(rows, sizes, len(self.layers[-1].weight))
        peak, clip = descent.peaks[0], descent.settings.clip
        rates = [share * peak for share in descent.shares(at, count)]
        each = zip(rows.split(sizes), sizes, rates, self.adam.moments(count), strict=True)
        for index, (several, size, rate, moment) in enumerate(each):
            work = self.passes[size]
            torch.index_select(self.fields.inputs, 0, several, out=work.inputs)
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

    def _first(self, index: int) -> int:
        """The first row of a batch in its epoch's order."""
        return len(self.batches.rows) * index // (self.batches.length or 1)

    def _sizes(self, index: int, until: int) -> list[int]:
        """Rows of the batches from one to before another of an epoch."""
        return [self._first(one + 1) - self._first(one) for one in range(index, until)]


def _usual(rule: Backpropagation) -> bool:
    """The rule does nothing in a step but forward, loss, backward, Adam and averages, on this process alone."""
    settings, descent = rule.settings, rule.descent
    plain = settings.accumulate == 1 and settings.layer_decay == 1 and not (settings.l1 or settings.l2)
    alone = rule.context.processes.world == 1 and rule.context.precision in ("float32", "float64")
    whole = sum(one.numel() for one in descent.parameters) == sum(one.numel() for one in rule.model.parameters())
    return len(rule.task.ports.inputs) == 1 and plain and alone and whole and type(descent) is Descent


def _layer(link: Link, views: Mapping[int, tuple[Tensor, Tensor]]) -> Layer:
    weight, weight_slope = views[id(link.linear.weight)]
    bias, bias_slope = views.get(id(link.linear.bias), (None, None))
    return Layer(weight, bias, weight_slope, bias_slope, link.activation)


class _Fields:
    """The fields that a step reads, finished ahead: inputs (N, I), target (N, ...), and what each row counts (N,) or none."""

    def __init__(self, rule: Backpropagation, ready: Mapping[str, Tensor]) -> None:
        ports, weights = rule.task.ports, rule.task.encodings.of_role("weight")
        self.inputs = ready[ports.inputs[0].name].flatten(1).contiguous()
        self.target = ready[ports.output.name]
        self.weight = next((ready[one.name].reshape(-1) for one in weights if one.name in ready), None)
        self.task, self.loss = type(rule.task), rule.task.loss

    def fit(self, links: Sequence[Link]) -> bool:
        """One input as wide as the first layer, and a target that task and loss read as it lies there."""
        first, outputs = links[0].linear, links[-1].linear.out_features
        if self.inputs.shape[1] != first.in_features or self.inputs.dtype != first.weight.dtype:
            return False
        axes, floats = self.target.dim(), self.target.is_floating_point()
        if self.task is Classification and type(self.loss) is CrossEntropy:
            return axes == 1 and not floats and outputs > 1
        squared = self.task is Regression and type(self.loss) is Squared
        return squared and floats and axes <= 2 and self.target[0].numel() == outputs

    def verdict(self, rows: Tensor, sizes: Sequence[int], classes: int) -> Verdict:
        """What batches of these rows are told."""
        target = self.target.index_select(0, rows)
        weight = None if self.weight is None else self.weight.index_select(0, rows)
        shares = shares_of(weight, sizes, self.inputs.dtype)
        if isinstance(self.loss, CrossEntropy):
            return CrossEntropyVerdict(self.loss, target, shares, sizes, classes=classes)
        return SquaredVerdict(target.reshape(len(rows), -1), shares, sizes)
