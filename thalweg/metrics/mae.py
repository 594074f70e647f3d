"""The mean absolute error."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample, require_same_shape, summed


@metric(
    "mae",
    better="lower",
    best=0.0,
    unit="target",
    reads="values",
    target="values",
    interval="positive",
    title="mean absolute error",
)
class MAE(Metric[Settings]):
    """The mean absolute difference over all shown positions, in the unit of the target."""

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): absolute difference, shown; of values (B, P...)."""
        require_same_shape(prediction, target, metric="mae")
        distance = (prediction.double() - target.double()).abs()
        return torch.stack([summed(distance, mask), summed(torch.ones_like(distance), mask)], 1)

    def formula(self, total: Tensor) -> Tensor:
        """Absolute difference over shown."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """Differences of 1, 2 and 3: 2."""
        prediction, target = torch.tensor([[1.0, 2.0], [0.0, 5.0]]), torch.tensor([[2.0, 4.0], [3.0, 0.0]])
        return MetricExample(Settings(), prediction, target, torch.tensor([[True, True], [True, False]]))
