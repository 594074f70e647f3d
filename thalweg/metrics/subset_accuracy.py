"""Subset accuracy: the share of examples of which every label is right."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample, require_same_shape, summed


@metric("subset-accuracy", better="higher", best=1.0, unit="share", reads="classes", target="labels", interval="proportion")
class SubsetAccuracy(Metric[Settings]):
    """The share of examples without a wrong label among those shown; an example that shows none does not count."""

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): all right, counts; of labels (B, C), 0 or 1."""
        require_same_shape(prediction, target, metric="subset-accuracy")
        wrong = prediction != target
        counts = summed(torch.ones_like(wrong), mask) > 0
        return torch.stack([counts & (summed(wrong, mask) == 0), counts], 1).double()

    def formula(self, total: Tensor) -> Tensor:
        """All right over examples."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """The first is right in all it shows, the second is not."""
        prediction, target = torch.tensor([[1, 0, 1], [0, 1, 1]]), torch.tensor([[1, 0, 0], [0, 0, 1]])
        return MetricExample(Settings(), prediction, target, torch.tensor([[True, True, False], [True, True, True]]))
