"""The contrastive loss of pairs: like pulls together, unlike pushes apart up to a margin.

Axes: B batch of pairs, D width of the embedding.
"""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import LossExample, PointwiseLoss, shape_refusal


class ContrastiveSettings(Settings):
    """How far unlike pairs are pushed."""

    margin: float = Field(default=1.0, gt=0, description="distance beyond which an unlike pair costs nothing")


@loss("contrastive", settings=ContrastiveSettings, output="pairs", target="labels", unit="squared distance")
class Contrastive(PointwiseLoss[ContrastiveSettings]):
    """Half of distance^2 for a like pair, half of max(0, margin - distance)^2 for an unlike one.

    The target is 1 for like; the paper's Y is 0 for like.

    Reference: Hadsell, Chopra & LeCun 2006, doi:10.1109/CVPR.2006.100, eq. 4.
    """

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B,) losses, of pairs of embeddings (B, 2, D) and answers (B,) that are 1 for like pairs.

        Raises:
            UsageRefusal: the output is no stack of pairs with one answer each.
        """
        if output.ndim != 3 or output.shape[1] != 2 or target.shape != output.shape[:1]:
            raise shape_refusal(
                output,
                target,
                loss="contrastive",
                why="each example is a pair of embeddings (B, 2, D) with one answer (B,)",
                fix="torch.stack([first, second], 1)",
            )
        y = target.to(output.dtype)
        difference = output[:, 0] - output[:, 1]  # (B, D)
        short = F.relu(self.settings.margin - torch.linalg.vector_norm(difference, dim=-1))
        return (y * difference.square().sum(-1) + (1 - y) * short.square()) / 2

    @staticmethod
    def example() -> LossExample:
        """Four pairs in the plane, one of them hidden."""
        first = torch.tensor([[0.0, 0.0], [1.0, 0.2], [0.4, 0.5], [2.0, 1.0]])
        second = torch.tensor([[0.3, 0.4], [1.5, 0.2], [3.0, 0.5], [0.0, 0.0]])
        target, mask = torch.tensor([1, 0, 0, 1]), torch.tensor([True, True, True, False])
        return LossExample(ContrastiveSettings(), torch.stack([first, second], 1), target, mask)
