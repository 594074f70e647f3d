"""Chains of dense layers by hand: forward, backward and Adam in kept memory, nothing else between two steps.

The step of a small perceptron is bound by what surrounds its products: graph, optimizer, gathering, guards.
"""

from collections.abc import Sequence

from torch import Tensor

from thalweg.core.registry import program
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine._chain import Chain, read_links
from thalweg.engine._dense_layers import Link, Pass, layers_of, worth_rounding
from thalweg.engine._usual import OR_ROUNDED, usual
from thalweg.engine._verdicts import Verdict
from thalweg.rules._rule import Rule
from thalweg.rules.backpropagation import Backpropagation

MOST_WEIGHTS = 4_000_000
"""Weights beyond which products take nearly all of a step, so that nothing is worth another copy of them."""


@program("dense-chain", precisions=("bfloat16",))
class DenseChain(Chain):
    """Dense layers one after the other."""

    def __init__(self, rule: Backpropagation, batches: StoredBatches, links: Sequence[Link]) -> None:
        super().__init__(rule, batches, classes=links[-1].linear.out_features)
        rounded = worth_rounding(links, self.adam.views(weights=self.rounded), batches.size) if self.rounded is not None else {}
        self.rounded = self.rounded if rounded else None
        layers = layers_of(links, self.adam.views(), rounded)
        self.supply.hold(layers[0].weight.dtype)
        largest = Pass(layers, batches.size)
        self.passes = {rows: largest.cut(rows) for rows in {batches.size, *self._sizes(0, batches.length or 1)}}

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "DenseChain | None":
        if not usual(rule, most_weights=MOST_WEIGHTS, precisions=OR_ROUNDED) or type(batches) is not StoredBatches:
            return None
        links = read_links(rule, batches)
        return None if links is None else cls(rule, batches, links)

    def slope(self, index: int, given: Tensor, verdict: Verdict) -> None:
        work = self.passes[len(given)]
        self.supply.fill(work.inputs, given)
        verdict.slope(index, work.forward(), work.slope)
        work.backward()
