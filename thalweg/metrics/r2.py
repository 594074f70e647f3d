"""R squared: the share of the target's variance that is explained.

Axes: B batch, D outputs.
"""

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample, require_same_shape, side_by_side, spread

RESOLUTION = 1e-10
"""Least share of the mean square that a variance must be, so that rounding leaves five digits of it."""


class R2Settings(Settings):
    """Where the target lies."""

    centre: float = Field(default=0.0, description="taken off the target; near its mean where that is far from 0")


@metric(
    "r2",
    settings=R2Settings,
    better="higher",
    best=1.0,
    unit="share",
    reads="values",
    target="values",
    interval="plain",
    title="R²",
)
class R2(Metric[R2Settings]):
    """1 - squared error / squared distance from the mean; the mean over outputs that vary. Below 0: worse than the mean."""

    undefined = "the target does not vary, or too little beside its distance from `centre`"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 4 D): shown, target, squared target, squared error of each output; of values (B,) or (B, D...)."""
        require_same_shape(prediction, target, metric="r2")
        y = target.double() - self.settings.centre
        error = prediction.double() - target.double()
        shown = torch.ones_like(y, dtype=torch.bool) if mask is None else spread(mask, y)
        parts = (torch.ones_like(y), y, y.square(), error.square())
        return torch.cat([side_by_side(torch.where(shown, part, 0.0)) for part in parts], 1)

    def formula(self, total: Tensor) -> Tensor:
        """The mean over outputs of 1 - squared error / squared distance from the mean."""
        count, target, square, error = total.chunk(4, -1)
        variation = square - target.square() / count
        explained = torch.where(variation > RESOLUTION * square, 1 - error / variation, torch.nan)
        return explained.nanmean(-1)

    @staticmethod
    def example() -> MetricExample:
        """Targets 1, 2, 3 with errors 1, 0, 0: one half."""
        prediction, target = torch.tensor([2.0, 2.0, 3.0, 9.0]), torch.tensor([1.0, 2.0, 3.0, 0.0])
        return MetricExample(R2Settings(), prediction, target, torch.tensor([True, True, True, False]))
