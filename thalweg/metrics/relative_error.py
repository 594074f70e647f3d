"""The relative error of a function: how far it is from the true one, as a share of the true one's size."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample, require_same_shape, summed


@metric("relative-error", better="lower", best=0.0, unit="share of the target's norm", reads="values", target="values")
class RelativeError(Metric[Settings]):
    """The L2 norm of the difference over the L2 norm of the target, over all shown positions."""

    undefined = "the target is zero throughout"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): squared difference, squared target; of values (B, P...)."""
        require_same_shape(prediction, target, metric="relative-error")
        squared = (prediction.double() - target.double()).square()
        return torch.stack([summed(squared, mask), summed(target.double().square(), mask)], 1)

    def formula(self, total: Tensor) -> Tensor:
        """The root of squared difference over squared target."""
        return (total[..., 0] / total[..., 1]).sqrt()

    @staticmethod
    def example() -> MetricExample:
        """Differences of 1, 2 and 2 against targets of 2, 4 and 4: a half."""
        prediction, target = torch.tensor([[1.0, 2.0], [2.0, 5.0]]), torch.tensor([[2.0, 4.0], [4.0, 0.0]])
        return MetricExample(Settings(), prediction, target, torch.tensor([[True, True], [True, False]]))
