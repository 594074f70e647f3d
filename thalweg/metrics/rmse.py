"""The root of the mean squared error."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample, require_same_shape, summed


@metric(
    "rmse",
    better="lower",
    best=0.0,
    unit="target",
    reads="values",
    target="values",
    interval="positive",
    title="RMSE",
    robust="mae",  # what is told beside it where a few examples decide
)
class RMSE(Metric[Settings]):
    """The root of the mean squared difference over all shown positions, in the unit of the target."""

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): squared difference, shown; of values (B, P...)."""
        require_same_shape(prediction, target, metric="rmse")
        squared = (prediction.double() - target.double()).square()
        return torch.stack([summed(squared, mask), summed(torch.ones_like(squared), mask)], 1)

    def formula(self, total: Tensor) -> Tensor:
        """The root of squared difference over shown."""
        return (total[..., 0] / total[..., 1]).sqrt()

    @staticmethod
    def example() -> MetricExample:
        """Differences of 1, 2 and 2: the root of 3."""
        prediction, target = torch.tensor([[1.0, 2.0], [0.0, 5.0]]), torch.tensor([[2.0, 4.0], [2.0, 0.0]])
        return MetricExample(Settings(), prediction, target, torch.tensor([[True, True], [True, False]]))
