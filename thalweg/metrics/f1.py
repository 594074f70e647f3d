"""F1 of one class, of all classes and of many labels: precision and recall in one number.

Axes: B batch, P any further positions, C classes or labels.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._counting import HarmonicMean, confusion, f1_of, is_class
from thalweg.metrics._metric import Metric, MetricExample, require_same_shape, spread


class F1Settings(Settings):
    """Which class is looked for."""

    positive: int = Field(default=1, ge=0, description="the class that is looked for")


@metric(
    "f1",
    settings=F1Settings,
    better="higher",
    best=1.0,
    unit="share",
    reads="classes",
    target="classes",
    interval="f1",
    title="F1",
)
class F1(HarmonicMean[F1Settings]):
    """F1 of the class `positive` over all shown positions."""

    undefined = "the positive class is neither in the truth nor in the predictions"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 3): true positives, false positives, false negatives; of classes (B, P...)."""
        return confusion(prediction, target, mask, positive=self.settings.positive)

    @staticmethod
    def example() -> MetricExample:
        """One true positive, one false positive, one false negative: one half."""
        prediction, target = torch.tensor([1, 1, 0, 0, 1]), torch.tensor([1, 0, 1, 0, 1])
        return MetricExample(F1Settings(), prediction, target, torch.tensor([True, True, True, True, False]))


class MacroF1Settings(Settings):
    """How many classes there are and which of them count."""

    classes: int = Field(ge=2, description="number of classes")
    over: Literal["present", "true"] = Field(
        default="present", description="classes in the truth or the predictions (as scikit-learn), or in the truth only"
    )


@metric(
    "macro-f1",
    settings=MacroF1Settings,
    better="higher",
    best=1.0,
    unit="share",
    reads="classes",
    target="classes",
    interval="classes",
    blocks=3,
    support=(0, 2),
    title="macro F1",
)
class MacroF1(Metric[MacroF1Settings]):
    """The mean of the F1 of each class that is there; a prediction outside the classes answers none of them."""

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 3 C): true positives, false positives, false negatives of each class; of classes (B, P...)."""
        require_same_shape(prediction, target, metric="macro-f1")
        said, true = is_class(prediction, self.settings.classes), is_class(target, self.settings.classes)
        if mask is not None:
            said, true = said & spread(mask, said), true & spread(mask, true)
        counts = torch.cat([said & true, said & ~true, ~said & true], -1).double()  # (B, P..., 3 C)
        return counts.flatten(1, -2).sum(1) if counts.ndim > 2 else counts

    def formula(self, total: Tensor) -> Tensor:
        """The mean over classes of 2 TP / (2 TP + FP + FN)."""
        hits, wrong, missed = total.chunk(3, -1)
        scores = f1_of(hits, wrong, missed)  # not a number for a class that is nowhere
        if self.settings.over == "true":
            scores = torch.where(hits + missed > 0, scores, torch.nan)
        return scores.nanmean(-1)

    @staticmethod
    def example() -> MetricExample:
        """F1 of 2/3, 2/3 and nothing of the third class."""
        prediction, target = torch.tensor([0, 1, 1, 2]), torch.tensor([0, 0, 1, 1])
        return MetricExample(MacroF1Settings(classes=3), prediction, target, torch.tensor([True, True, True, False]))


@metric(
    "micro-f1",
    better="higher",
    best=1.0,
    unit="share",
    reads="classes",
    target="labels",
    interval="counts",
    blocks=3,
    support=(0, 2),
    title="micro F1",
)
class MicroF1(HarmonicMean[Settings]):
    """F1 of the label 1, all labels of all examples counted together."""

    undefined = "no label is set, neither in the truth nor in the predictions"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 3): true positives, false positives, false negatives; of labels (B, C), 0 or 1."""
        return confusion(prediction, target, mask, positive=1)

    @staticmethod
    def example() -> MetricExample:
        """Two true positives, one false positive, one false negative, one label unknown: two thirds."""
        prediction, target = torch.tensor([[1, 0, 1], [0, 1, 1]]), torch.tensor([[1, 1, 0], [0, 1, 0]])
        return MetricExample(Settings(), prediction, target, torch.tensor([[True, True, True], [True, True, False]]))
