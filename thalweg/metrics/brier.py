"""The Brier score: the squared error of predicted probabilities."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._counting import is_class, probabilities_by_class
from thalweg.metrics._metric import Metric, MetricExample, summed


@metric(
    "brier",
    better="lower",
    best=0.0,
    unit="squared share",
    reads="probabilities",
    target="classes",
    interval="positive",
    title="Brier score",
)
class Brier(Metric[Settings]):
    """The squared error of the probabilities, summed over classes, the mean over shown positions.

    In [0, 2]; of two classes only one is counted, so in [0, 1], as scikit-learn does.

    Reference: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): squared error, shown; of probabilities (B, P..., C), or of class 1 (B, P...), and classes (B, P...)."""
        p = probabilities_by_class(prediction, target, metric="brier").double()
        error = (p - is_class(target, p.shape[-1]).double()).square().sum(-1)
        error = error / 2 if p.shape[-1] == 2 else error
        return torch.stack([summed(error, mask), summed(torch.ones_like(error), mask)], 1)

    def formula(self, total: Tensor) -> Tensor:
        """Squared error over shown."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """Class 1 is given .8 and is there, .6 and is not: (.04 + .36) / 2."""
        prediction, target = torch.tensor([0.8, 0.6, 0.1]), torch.tensor([1, 0, 1])
        return MetricExample(Settings(), prediction, target, torch.tensor([True, True, False]))
