"""As built: nothing is learned. For models whose weights are given, so that they are measured and shipped like any other."""

from collections.abc import Sequence

from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment, Batches
from thalweg.data.dataset import Dataset
from thalweg.rules._rule import Rule

ROWS = 64
"""Rows of a batch that nothing steps over."""


@rule("as-built")
class AsBuilt(Rule):
    """Takes no step: the model ships as its settings built it."""

    def batches(self, dataset: Dataset, augment: Sequence[Augment] = ()) -> Batches:
        return dataset.batches("train", size=ROWS, processes=self.context.processes)

    def steps(self, batches: Batches) -> int:
        return 0

    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        raise AssertionError("there are no steps")
