"""Balanced accuracy: every class of the truth counts the same, however rare."""

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._counting import is_class
from thalweg.metrics._metric import Metric, MetricExample, require_same_shape, spread


class BalancedAccuracySettings(Settings):
    """How many classes there are."""

    classes: int = Field(ge=2, description="number of classes")


@metric(
    "balanced-accuracy",
    settings=BalancedAccuracySettings,
    better="higher",
    best=1.0,
    unit="share",
    reads="classes",
    target="classes",
    interval="classes",
    blocks=2,
    support=(1,),
)
class BalancedAccuracy(Metric[BalancedAccuracySettings]):
    """The mean over the classes of the truth of the share that is found.

    Reference: Brodersen et al. 2010, doi:10.1109/ICPR.2010.764.
    """

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2 C): per class how many are found, then how many there are; of classes (B, P...)."""
        require_same_shape(prediction, target, metric="balanced-accuracy")
        true = is_class(target, self.settings.classes)  # (B, P..., C)
        if mask is not None:
            true = true & spread(mask, true)
        found = true & (prediction == target)[..., None]
        both = torch.cat([found, true], -1).double()
        return both.flatten(1, -2).sum(1) if both.ndim > 2 else both

    def formula(self, total: Tensor) -> Tensor:
        """The mean of found over there, of the classes that are there."""
        found, there = total.chunk(2, -1)
        return (found / there).nanmean(-1)

    @staticmethod
    def example() -> MetricExample:
        """Half of class 0, all of class 1, the third class absent."""
        prediction, target = torch.tensor([0, 1, 1, 2]), torch.tensor([0, 0, 1, 2])
        return MetricExample(BalancedAccuracySettings(classes=3), prediction, target, torch.tensor([True, True, True, False]))
