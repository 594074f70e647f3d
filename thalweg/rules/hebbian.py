"""Hebbian storage: units that are alike in a pattern are linked. Once through the patterns, no step, no rate.

Reference: Hebb 1949; Hopfield 1982, doi:10.1073/pnas.79.8.2554, eq. 2.

Letters: B batch, N units.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment, Batches
from thalweg.data.dataset import Dataset
from thalweg.models.hopfield import Hopfield, signs
from thalweg.rules._rule import Context, Rule, required_model
from thalweg.tasks._task import Task

ROWS = 1024
"""Patterns that are stored at once."""


@rule("hebbian", gradient=False, paper="Hopfield 1982, doi:10.1073/pnas.79.8.2554")
class Hebbian(Rule):
    """The weights are the sum of the outer products of all patterns over the number of units, without the diagonal."""

    def __init__(self, task: Task, model: nn.Module, settings: Settings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        self.memory = required_model(model, Hopfield, self)

    def batches(self, dataset: Dataset, augment: Sequence[Augment] = ()) -> Batches:
        """The patterns as they are."""
        return dataset.batches("train", size=ROWS, processes=self.context.processes)

    def steps(self, batches: Batches) -> int:
        """None: all is done at the beginning."""
        return 0

    @torch.no_grad()
    def begin(self, batches: Batches, at: Position) -> None:
        """Store every pattern."""
        weight = torch.zeros_like(self.memory.weight)
        for batch in batches:
            patterns = signs(batch[self.memory.name].flatten(1)).to(weight)  # (B, N)
            weight += patterns.T @ patterns
        [weight] = self.context.processes.sum([weight])
        self.memory.weight.copy_((weight / len(weight)).fill_diagonal_(0.0))

    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        """Never called."""
        raise AssertionError("storage takes no steps")
