"""Calibration error: does a confidence of 80 % mean right in 80 % of the cases?"""

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._counting import probabilities_by_class
from thalweg.metrics._metric import Metric, MetricExample, shape_refusal


class CalibrationErrorSettings(Settings):
    """How finely confidences are told apart."""

    bins: int = Field(default=15, ge=1, description="bins, each of (nearly) the same number of examples")


@metric(
    "calibration-error",
    settings=CalibrationErrorSettings,
    better="lower",
    best=0.0,
    unit="share",
    reads="probabilities",
    target="classes",
    interval="positive",
)
class CalibrationError(Metric[CalibrationErrorSettings]):
    """The gap between confidence in the likeliest class and how often it is right, the mean over bins of equal mass.

    Examples of equal confidence share their hits, so that their order decides nothing. Biased upwards for few examples.

    Reference: Naeini et al. 2015, AAAI (expected calibration error); Nguyen & O'Connor 2015, arXiv:1508.05154 (equal mass).
    """

    additive = False

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 3): confidence, right, weight; of probabilities (B, C), or of class 1 (B,), and classes (B,)."""
        shown = torch.ones_like(target, dtype=torch.bool) if mask is None else mask.bool()
        if target.ndim != 1 or shown.shape != target.shape:
            raise shape_refusal(prediction, shown, metric="calibration-error", why="it hides and judges whole examples: (B,)")
        confidence, said = probabilities_by_class(prediction, target, metric="calibration-error").double().max(-1)
        rows = torch.stack([confidence, (said == target).double(), torch.ones_like(confidence)], 1)
        return torch.where(shown[:, None], rows, 0.0)

    def formula(self, total: Tensor) -> Tensor:
        """The mean gap, of all rows (n, 3)."""
        confidence, place = total[:, 0].unique(return_inverse=True)  # rising, equal ones once
        weight = torch.zeros_like(confidence).index_add(0, place, total[:, 2])
        hits = torch.zeros_like(confidence).index_add(0, place, total[:, 2] * total[:, 1])
        return _gap(confidence, hits / weight.clamp(min=torch.finfo(weight.dtype).tiny), weight, bins=self.settings.bins)

    @staticmethod
    def example() -> MetricExample:
        """Sure to .9 and right, sure to .6 and wrong, two bins: (.1 + .6) / 2."""
        prediction, target = torch.tensor([0.9, 0.6, 0.1]), torch.tensor([1, 0, 1])
        return MetricExample(CalibrationErrorSettings(bins=2), prediction, target, torch.tensor([True, True, False]))


def _gap(confidence: Tensor, accuracy: Tensor, weight: Tensor, *, bins: int) -> Tensor:
    """Bins cut the summed weight into equal stretches; a confidence that spans several is divided among them."""
    end = weight.cumsum(0)
    whole = weight.sum()
    edges = whole * torch.arange(bins + 1, device=weight.device, dtype=weight.dtype) / bins
    low = torch.maximum((end - weight)[:, None], edges[:-1])
    share = (torch.minimum(end[:, None], edges[1:]) - low).clamp(min=0)  # (distinct confidences, bins)
    return ((confidence - accuracy)[:, None] * share).sum(0).abs().sum() / whole
