"""The triplet loss with the hardest positive and the hardest negative of the batch.

Axes: B batch, D width of the embedding.
"""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import Loss, LossExample, shape_refusal, visible, widened


class TripletSettings(Settings):
    """How much nearer the same class must lie."""

    margin: float = Field(default=0.2, gt=0, description="distance by which a negative must lie beyond the positive")


@loss("triplet", settings=TripletSettings, output="embeddings", target="classes", unit="distance", rows_independent=False)
class Triplet(Loss[TripletSettings]):
    """max(0, margin + distance to the farthest of its class - distance to the nearest of another).

    Every example is an anchor; the others of the batch are its candidates. An anchor without a positive or without a
    negative in the batch costs 0, so batches should hold several examples of several classes.

    Reference: Hermans et al. 2017, arXiv:1703.07737, eq. 5 (batch hard); Schroff et al. 2015, arXiv:1503.03832.
    """

    def __call__(self, output: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss of each anchor.

        Args:
            output: (B, D) embeddings, used as they are: normalise them in the model where directions count.
            target: (B,) classes.
            mask: (B,) bool; a hidden example is neither anchor nor candidate.

        Returns:
            (B,) distances.
        """
        if output.ndim != 2 or target.shape != output.shape[:1]:
            raise shape_refusal(
                output,
                target,
                loss="triplet",
                why="triplets are formed within the batch: one embedding (B, D) and one class (B,) per example",
                fix="flatten the embedding, or give one class per example",
            )
        if not len(output):
            return widened(output).sum(1)
        shown = torch.ones_like(target, dtype=torch.bool) if mask is None else mask.bool()
        distance = _distances(visible(widened(output), mask))  # (B, B)
        pairs = shown[:, None] & shown & ~torch.eye(len(target), dtype=torch.bool, device=target.device)
        same = target[:, None] == target
        positive = torch.where(pairs & same, distance, -torch.inf).amax(1)  # -inf: none, the loss is 0
        negative = torch.where(pairs & ~same, distance, torch.inf).amin(1)
        return F.relu(self.settings.margin + positive - negative)

    @staticmethod
    def example() -> LossExample:
        """Five points of two classes in the plane, one of them hidden."""
        output = torch.tensor([[0.0, 0.0], [1.0, 0.2], [0.4, 0.5], [2.0, 1.0], [0.1, 0.1]])
        mask = torch.tensor([True, True, True, True, False])
        return LossExample(TripletSettings(), output, torch.tensor([0, 0, 1, 1, 1]), mask)


def _distances(points: Tensor) -> Tensor:
    """(B, B) Euclidean distances of (B, D), by differences: products would lose what lies close together."""
    return torch.linalg.vector_norm(points[:, None] - points[None], dim=-1)
