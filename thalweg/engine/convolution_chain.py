"""Chains of pooled convolutions and dense layers by hand, such as LeNet-5: a batch in parts, each on a lane of its own.

Few maps leave torch's convolutions, which are laid out for eight maps at a time, mostly waiting for memory; as products of
patches that serve a whole pooling window they are not.

Letters: B rows, C maps, H W sides, F features that the first dense layer reads.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from thalweg.core.registry import program
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine._chain import Chain, parts_of, readable
from thalweg.engine._dense_layers import Link, Pass, Views, in_order, layers_of, linked, worth_rounding
from thalweg.engine._pooled_convolutions import Pooled, PooledPass, pooled_of
from thalweg.engine._usual import OR_ROUNDED, usual
from thalweg.engine._verdicts import Verdict
from thalweg.engine.dense_chain import MOST_WEIGHTS
from thalweg.rules._rule import Rule
from thalweg.rules.backpropagation import Backpropagation


@program("convolution-chain", lanes=True, precisions=("bfloat16",))
class ConvolutionChain(Chain):
    """Pooled convolutions one after the other, then dense layers; in as many parts as the rule has lanes."""

    def __init__(self, rule: Backpropagation, batches: StoredBatches, pooled: Sequence[Pooled], links: Sequence[Link]) -> None:
        super().__init__(rule, batches, classes=links[-1].linear.out_features)
        self.lanes = rule.lanes
        self.parts = 1 if rule.lanes is None else rule.lanes.count
        slopes = [self.adam.slope, *(torch.zeros_like(self.adam.slope) for _ in range(self.parts - 1))]
        self.others = slopes[1:]
        sizes = {batches.size, *self._sizes(0, batches.length or 1)}
        rounded = {} if self.rounded is None else self._rounded(self.adam.views(weights=self.rounded), pooled, links)
        self.works = [
            {
                rows: _Part(pooled, links, self.adam.views(slope), rounded, rows)
                for rows in {parts_of(one, self.parts)[lane] for one in sizes}
            }
            for lane, slope in enumerate(slopes)
        ]
        self.supply.hold(next(iter(self.works[0].values())).rows.dtype)

    def _rounded(self, views: Views, pooled: Sequence[Pooled], links: Sequence[Link]) -> Views:
        """Of views of rounded parameters those that are read: all convolutions', the next layer's, and where it is worth it."""
        known: list[nn.Module] = [*(one.convolution for one in pooled), links[0].linear]
        first = {id(one): views[id(one)] for module in known for one in module.parameters()}
        return {**first, **worth_rounding(links, views, self.batches.size // self.parts)}

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "ConvolutionChain | None":
        if not usual(rule, most_weights=MOST_WEIGHTS, precisions=OR_ROUNDED) or type(batches) is not StoredBatches:
            return None
        modules, ports = in_order(rule.model), rule.task.ports.inputs
        shape = tuple(int(axis or 0) for axis in ports[0].shape) if len(ports) == 1 else ()
        if modules is None or len(shape) != 3:
            return None
        pooled, count = pooled_of(modules, *shape[1:])
        links = linked(modules[count:])
        if not pooled or links is None or not _fit(pooled, links, shape[0]):
            return None
        known: list[nn.Module] = [*(one.convolution for one in pooled), *(one.linear for one in links)]
        held = [sum(one.numel() for one in each.parameters()) for each in (rule.model, *known)]
        whole = held[0] == sum(held[1:])
        fits = whole and readable(rule, batches, shape, links[-1].linear.out_features)
        few = rule.lanes is not None and len(batches.rows) // (batches.length or 1) < rule.lanes.count
        return cls(rule, batches, pooled, links) if fits and not few else None

    def slope(self, index: int, given: Tensor, verdict: Verdict) -> None:
        parts = given.split(parts_of(len(given), self.parts))
        places = range(index * self.parts, (index + 1) * self.parts)
        asked = [(works[len(part)], part, one) for works, part, one in zip(self.works, parts, places, strict=True)]

        @torch.no_grad()
        def taken(asked: tuple[_Part, Tensor, int]) -> None:
            work, part, number = asked
            self.supply.fill(work.rows, part)
            verdict.slope(number, work.forward(), work.slope)
            work.backward()

        if self.lanes is None:
            taken(asked[0])
        else:
            self.lanes.map(taken, asked, seed=0)
        for other in self.others:
            self.adam.slope.add_(other)


class _Part:
    """Forward and backward for so many rows.

    Attributes:
        rows: (B, C H W), filled in by whoever calls.
        slope: (B, O) of the loss by the last layer's sums.
    """

    def __init__(self, pooled: Sequence[Pooled], links: Sequence[Link], views: Views, rounded: Views, rows: int) -> None:
        read = {**views, **rounded}
        own = [(one.convolution.weight, one.convolution.bias) for one in pooled]
        channels, height, width = pooled[0].convolution.in_channels, pooled[0].height, pooled[0].width
        self.rows = read[id(own[0][0])][0].new_empty(rows, channels * height * width)
        pictures, below = self.rows.t().view(channels, height, width, rows), None
        self.convolved: list[PooledPass] = []
        for one, (weight, bias) in zip(pooled, own, strict=True):
            biases = (None, None) if bias is None else (read[id(bias)][0], views[id(bias)][1])
            self.convolved.append(PooledPass(one, (read[id(weight)][0], views[id(weight)][1], *biases), pictures, below))
            pictures, below = self.convolved[-1].answers, self.convolved[-1].slope
        layers = layers_of(links, views, rounded)
        features, features_slope = pictures.view(-1, rows), self.convolved[-1].slope.view(-1, rows)  # (F, B)
        self.dense = Pass(layers, rows, features.t())
        self.slope, self.below = self.dense.slope, (layers[0].weight.t(), self.dense.slopes[0].t(), features_slope)

    def forward(self) -> Tensor:
        """The last layer's sums (B, O)."""
        for one in self.convolved:
            one.forward()
        return self.dense.forward()

    def backward(self) -> None:
        """The slopes by all weights and biases."""
        self.dense.backward()
        weight, slope, features = self.below
        torch.mm(weight, slope, out=features)
        for one in reversed(self.convolved):
            one.backward()


def _fit(pooled: Sequence[Pooled], links: Sequence[Link], channels: int) -> bool:
    """Each reads what the one before it answers."""
    for one in pooled:
        if one.convolution.in_channels != channels:
            return False
        channels = one.convolution.out_channels
    height, width = pooled[-1].answers
    return links[0].linear.in_features == channels * height * width
