"""Average precision: the area under the curve of precision over recall, as steps."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample
from thalweg.metrics._ranking import mean_over_classes, ranking_rows


@metric(
    "average-precision", better="higher", best=1.0, unit="share", reads="probabilities", target="classes", interval="precision"
)
class AveragePrecision(Metric[Settings]):
    """The mean over positives of the precision at their score; the mean over classes against the rest.

    Two classes are one comparison. Classes or labels that the truth lacks, or that are all of it, are left out.
    """

    additive = False
    undefined = "the truth holds one class only"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2 C + 1): scores, truths, weight; of what `ranking_rows` takes."""
        return ranking_rows(prediction, target, mask, metric="average-precision")

    def formula(self, total: Tensor) -> Tensor:
        """The mean over classes of the step-wise area, of all rows (n, 2 C + 1)."""
        return mean_over_classes(total, _area)

    @staticmethod
    def example() -> MetricExample:
        """The positives rank first and third: (1 + 2/3) / 2."""
        prediction, target = torch.tensor([0.9, 0.8, 0.7, 0.2, 1.0]), torch.tensor([1, 0, 1, 0, 0])
        return MetricExample(Settings(), prediction, target, torch.tensor([True, True, True, True, False]))


def _area(positives: Tensor, negatives: Tensor) -> Tensor:
    found = positives.flip(0).cumsum(0).flip(0)  # at this score or above
    precision = torch.where(found > 0, found / (found + negatives.flip(0).cumsum(0).flip(0)), 0.0)
    area = (positives * precision).sum() / positives.sum()
    return torch.where(negatives.sum() > 0, area, torch.nan)
