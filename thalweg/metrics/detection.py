"""How well boxes are found: recall, precision and their harmonic mean at a least overlap.

The surest box first, each takes the true box that it overlaps most among those not yet taken; it counts where they overlap
enough. Reference: Everingham et al. 2010, doi:10.1007/s11263-009-0275-4, with COCO's rule for boxes that are already taken.

Axes: B images, K boxes found, T true boxes.
"""

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.fields.overlaps import intersection_over_union
from thalweg.metrics._counting import HarmonicMean
from thalweg.metrics._metric import Metric, MetricExample


class DetectionSettings(Settings):
    """From which overlap on a box is found."""

    overlap: float = Field(0.5, gt=0, le=1, description="least share of the joint area that both boxes hold")


class _Detection(Metric[DetectionSettings]):
    """Boxes x1, y1, x2, y2 with a sureness (B, K, 5), none where that is not above 0, against boxes (B, T, 4 or more)."""

    @staticmethod
    def example() -> MetricExample:
        """Of three true boxes two are found, once each; two more findings are wrong."""
        square, beside = [0.0, 0.0, 4.0, 4.0], [10.0, 0.0, 14.0, 4.0]
        near, none = [0.0, 1.0, 4.0, 5.0, 0.8], [0.0, 0.0, 4.0, 4.0, 0.0]
        found = torch.tensor([[[*square, 0.9], near, none], [[*beside, 0.7], [*square, 0.6], none]])
        true = torch.tensor([[square, beside], [beside, square]])
        return MetricExample(DetectionSettings(), found, true, torch.tensor([[True, True], [True, False]]))

    def counts(self, found: Tensor, true: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """(B,) each, float64: boxes found rightly, boxes found, true boxes."""
        shown = torch.ones(true.shape[:2], dtype=torch.bool, device=true.device) if mask is None else mask.bool()
        unknown = found.isnan().any(-1)  # a box that is no number is a wrong box, not none
        sureness = torch.where(found[..., 4] > 0, found[..., 4], 0.0)  # (B, K)
        sureness = torch.where(unknown, torch.finfo(found.dtype).tiny, sureness)
        found = found.masked_fill(unknown[..., None], torch.nan)
        order = sureness.argsort(dim=1, descending=True, stable=True)
        ranked = found[..., :4].gather(1, order[:, :, None].expand(-1, -1, 4))
        real = sureness.gather(1, order) > 0
        overlaps = intersection_over_union(ranked.double(), true[..., :4].double().masked_fill(~shown[..., None], 0.0))
        right = _taken(overlaps * real[:, :, None], self.settings.overlap)
        return right.double(), real.sum(1).double(), shown.sum(1).double()


class _Share(_Detection):
    """Rows (B, 2): found rightly, and of how many."""

    def formula(self, total: Tensor) -> Tensor:
        """Found rightly over how many."""
        return total[..., 0] / total[..., 1]


def _taken(overlaps: Tensor, least: float) -> Tensor:
    """(B,) how many of K boxes in turn take one of T true ones, of their overlaps (B, K, T)."""
    free = torch.ones_like(overlaps[:, 0], dtype=torch.bool)
    for one in overlaps.unbind(1):
        best, index = (one * free).max(1)
        free = free & ~((best >= least)[:, None] & (torch.arange(free.shape[1], device=free.device) == index[:, None]))
    return (~free).sum(1)


@metric(
    "detection-f1",
    settings=DetectionSettings,
    better="higher",
    best=1.0,
    unit="share",
    reads="boxes",
    target="boxes",
    interval="counts",
    blocks=3,
    support=(0, 2),
    title="detection F1",
)
class DetectionF1(_Detection, HarmonicMean[DetectionSettings]):
    """The harmonic mean of recall and precision."""

    undefined = "there is no box, neither in the truth nor in the predictions"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 3): found rightly, found wrongly, missed."""
        right, found, true = self.counts(prediction, target, mask)
        return torch.stack([right, found - right, true - right], 1)


@metric(
    "detection-recall",
    settings=DetectionSettings,
    better="higher",
    best=1.0,
    unit="share",
    reads="boxes",
    target="boxes",
    interval="proportion",
    title="recall",
)
class DetectionRecall(_Share):
    """The share of true boxes that are found."""

    undefined = "there is no true box"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): found rightly, true."""
        right, _, true = self.counts(prediction, target, mask)
        return torch.stack([right, true], 1)


@metric(
    "detection-precision",
    settings=DetectionSettings,
    better="higher",
    best=1.0,
    unit="share",
    reads="boxes",
    target="boxes",
    interval="proportion",
    title="precision",
)
class DetectionPrecision(_Share):
    """The share of boxes found that are right."""

    undefined = "no box is found"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): found rightly, found."""
        right, found, _ = self.counts(prediction, target, mask)
        return torch.stack([right, found], 1)
