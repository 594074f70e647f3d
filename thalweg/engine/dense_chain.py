"""Chains of dense layers by hand: forward, backward and Adam in kept memory, nothing else between two steps.

The step of a small perceptron is bound by what surrounds its products: graph, optimizer, gathering, guards.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor

from thalweg.core.registry import program
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine._chain import Chain, readable
from thalweg.engine._dense_layers import Layer, Link, Pass, links_of
from thalweg.engine._usual import usual
from thalweg.engine._verdicts import Verdict
from thalweg.rules._rule import Rule
from thalweg.rules.backpropagation import Backpropagation

MOST_WEIGHTS = 4_000_000
"""Weights beyond which products take nearly all of a step, so that nothing is worth another copy of them."""


@program("dense-chain")
class DenseChain(Chain):
    """Dense layers one after the other."""

    def __init__(self, rule: Backpropagation, batches: StoredBatches, links: Sequence[Link]) -> None:
        super().__init__(rule, batches, classes=links[-1].linear.out_features)
        largest = Pass(layers_of(links, self.adam.views()), batches.size)
        self.passes = {rows: largest.cut(rows) for rows in {batches.size, *self._sizes(0, batches.length or 1)}}

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "DenseChain | None":
        if not usual(rule, most_weights=MOST_WEIGHTS) or type(batches) is not StoredBatches:
            return None
        links = links_of(rule.model)
        if links is None:
            return None
        fits = readable(rule, batches, [links[0].linear.in_features], links[-1].linear.out_features)
        return cls(rule, batches, links) if fits else None

    def slope(self, index: int, given: Tensor, verdict: Verdict) -> None:
        work = self.passes[len(given)]
        self.supply.fill(work.inputs, given)
        verdict.slope(index, work.forward(), work.slope)
        work.backward()


def layers_of(links: Sequence[Link], views: Mapping[int, tuple[Tensor, Tensor]]) -> list[Layer]:
    """The layers of a chain where their weights lie, and their slopes.

    Args:
        views: by the `id` of each parameter.
    """
    return [_layer(link, views) for link in links]


def _layer(link: Link, views: Mapping[int, tuple[Tensor, Tensor]]) -> Layer:
    weight, weight_slope = views[id(link.linear.weight)]
    bias, bias_slope = views.get(id(link.linear.bias), (None, None))
    return Layer(weight, bias, weight_slope, bias_slope, link.activation)
