"""The area under the ROC curve: does a positive rank above a negative?"""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample
from thalweg.metrics._ranking import mean_over_classes, ranking_rows


@metric(
    "auc",
    better="higher",
    best=1.0,
    unit="share",
    reads="probabilities",
    target="classes",
    interval="ranking",
    title="area under ROC",
)
class AUC(Metric[Settings]):
    """The probability that a positive scores above a negative, ties counting half; the mean over classes against the rest.

    Two classes are one comparison. Classes or labels that the truth lacks, or that are all of it, are left out.

    Reference: Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    """

    additive = False
    undefined = "the truth holds one class only"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2 C + 1): scores, truths, weight; of what `ranking_rows` takes."""
        return ranking_rows(prediction, target, mask, metric="auc")

    def formula(self, total: Tensor) -> Tensor:
        """The mean over classes of the Mann-Whitney statistic, of all rows (n, 2 C + 1)."""
        return mean_over_classes(total, _area)

    @staticmethod
    def example() -> MetricExample:
        """Of four pairs two are ranked right and one is tied: 5/8."""
        prediction, target = torch.tensor([0.9, 0.4, 0.4, 0.6, 1.0]), torch.tensor([1, 1, 0, 0, 0])
        return MetricExample(Settings(), prediction, target, torch.tensor([True, True, True, True, False]))


def _area(positives: Tensor, negatives: Tensor) -> Tensor:
    below = negatives.cumsum(0) - negatives / 2  # ties count half
    return (positives * below).sum() / (positives.sum() * negatives.sum())
