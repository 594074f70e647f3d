"""Accuracy: the share of positions that are right."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._counting import shares
from thalweg.metrics._metric import Metric, MetricExample, require_same_shape


@metric(
    "accuracy",
    better="higher",
    best=1.0,
    unit="share",
    reads="classes",
    target="classes",
    interval="proportion",
    says="is right in",
)
class Accuracy(Metric[Settings]):
    """The share of predicted classes that are the true ones, over all shown positions of all examples."""

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): right, shown; of classes (B, P...)."""
        require_same_shape(prediction, target, metric="accuracy")
        return shares(prediction == target, mask)

    def formula(self, total: Tensor) -> Tensor:
        """Right over shown."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """Five of seven shown positions are right."""
        prediction = torch.tensor([[0, 1], [2, 2], [1, 0], [1, 1]])
        target = torch.tensor([[0, 1], [2, 0], [1, 1], [1, 0]])
        return MetricExample(Settings(), prediction, target, torch.tensor([[True, True]] * 3 + [[True, False]]))
