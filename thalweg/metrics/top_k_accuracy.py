"""Top-k accuracy: the share of positions whose true class is among the k likeliest."""

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.core.known_classes import with_known_classes
from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._counting import probabilities_by_class, shares
from thalweg.metrics._metric import Metric, MetricExample


class TopKAccuracySettings(Settings):
    """How many guesses count."""

    k: int = Field(default=5, ge=1, description="the true class must be among the k likeliest; fewer than the classes")


@metric(
    "top-k-accuracy",
    settings=TopKAccuracySettings,
    better="higher",
    best=1.0,
    unit="share",
    reads="probabilities",
    target="classes",
    interval="proportion",
    title="top-k accuracy",
)
class TopKAccuracy(Metric[TopKAccuracySettings]):
    """The share of shown positions whose true class has one of the k highest probabilities; equals: the lower class first."""

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): hits, shown; of probabilities (B, P..., C) and classes (B, P...).

        Raises:
            UsageRefusal: k is not below the number of classes, so that the metric would always be 1.
        """
        p = probabilities_by_class(prediction, target, metric="top-k-accuracy")
        k, classes = self.settings.k, p.shape[-1]
        if k >= classes:
            raise UsageRefusal(
                "METRIC_TOP_K",
                f"k is {k}, there are {classes} classes",
                where="metric top-k-accuracy",
                why="every prediction would be right",
                fix=f"choose k below {classes}",
            )
        true = (target if mask is None else target.masked_fill(~mask.bool(), 0)).long()[..., None]
        own = with_known_classes(lambda: p.gather(-1, true), true, classes, where="metric top-k-accuracy")
        before = torch.arange(classes, device=p.device) < true
        rank = ((p > own) | ((p == own) & before)).sum(-1)
        return shares((rank < k) & ~p.isnan().any(-1), mask)

    def formula(self, total: Tensor) -> Tensor:
        """Hits over shown."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """Two of three shown rows have the true class among the two likeliest."""
        prediction = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.2, 0.4, 0.4], [0.9, 0.1, 0.0]])
        mask = torch.tensor([True, True, True, False])
        return MetricExample(TopKAccuracySettings(k=2), prediction, torch.tensor([1, 0, 2, 1]), mask)
