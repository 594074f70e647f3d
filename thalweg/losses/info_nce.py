"""InfoNCE: find the other view of an example among the views of all others.

Axes: B batch, D width of the embedding, K candidates.
"""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import Loss, LossExample, shape_refusal, visible, widened


class InfoNCESettings(Settings):
    """The temperature of the comparison and who is compared."""

    temperature: float = Field(default=0.1, gt=0, le=10, description="divides the cosine similarities")
    within_views: bool = Field(default=False, description="the same view of the other examples is a candidate too")


VARIANTS = {"nt-xent": InfoNCESettings(temperature=0.5, within_views=True)}


@loss(
    "info-nce", settings=InfoNCESettings, variants=VARIANTS, output="pairs", target="none", unit="nats", rows_independent=False
)
class InfoNCE(Loss[InfoNCESettings]):
    """-log softmax of the cosine between the two views of an example, in nats, the mean over both directions.

    `info-nce` looks among the other view of every example (van den Oord; CLIP), `nt-xent` among both views (SimCLR).

    Reference: van den Oord et al. 2018, arXiv:1807.03748, eq. 4; Chen et al. 2020, arXiv:2002.05709, eq. 1.
    """

    def __call__(self, output: Tensor, target: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """The loss of each example.

        Args:
            output: (B, 2, D) two views of each example.
            target: not read; the other view is the target.
            mask: (B,) bool; a hidden example is no candidate either.

        Returns:
            (B,) nats.

        Raises:
            UsageRefusal: the output is no stack of two views.
        """
        if output.ndim != 3 or output.shape[1] != 2:
            raise shape_refusal(
                output,
                target,
                loss="info-nce",
                why="each example is two views (B, 2, D)",
                fix="torch.stack([first, second], 1)",
            )
        shown = torch.ones(len(output), dtype=torch.bool, device=output.device) if mask is None else mask.bool()
        first, second = F.normalize(visible(widened(output), mask), dim=-1).unbind(1)  # (B, D) each
        return (self._one_way(first, second, shown) + self._one_way(second, first, shown)) / 2

    def _one_way(self, anchors: Tensor, others: Tensor, shown: Tensor) -> Tensor:
        similarity = (anchors @ others.T).masked_fill(~shown, -torch.inf)  # (B, K)
        if self.settings.within_views:
            itself = torch.eye(len(anchors), dtype=torch.bool, device=anchors.device)
            same = (anchors @ anchors.T).masked_fill(itself | ~shown, -torch.inf)
            similarity = torch.cat([similarity, same], 1)
        logits = torch.where(shown[:, None], similarity / self.settings.temperature, 0.0)
        own = torch.arange(len(anchors), device=anchors.device)
        return torch.where(shown, F.cross_entropy(logits, own, reduction="none"), 0.0)

    @staticmethod
    def example() -> LossExample:
        """Four pairs of views in the plane, one of them hidden."""
        first = torch.tensor([[1.0, 0.1], [1.0, 0.2], [0.4, 0.5], [2.0, 1.0]])
        second = torch.tensor([[0.3, 0.4], [1.5, -0.2], [3.0, 0.5], [0.5, 0.0]])
        mask = torch.tensor([True, True, True, False])
        return LossExample(InfoNCESettings(), torch.stack([first, second], 1), torch.zeros(4), mask)
