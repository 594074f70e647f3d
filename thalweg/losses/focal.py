"""Focal losses: cross-entropy in which examples that are already well classified count less.

Both are computed from log(1 - p), so that neither a sure nor a hopeless output overflows.

Axes: B batch, P any further positions, C classes or labels.
"""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.known_classes import with_known_classes
from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._classes import ClassWeights, require_classes, weight_of_classes
from thalweg.losses._loss import LossExample, PointwiseLoss, require_same_shape


class FocalSettings(Settings):
    """How much sure examples are played down, and weights of the classes."""

    gamma: float = Field(default=2.0, ge=0, le=10, description="focusing power; 0 is cross-entropy")
    class_weights: ClassWeights | None = Field(default=None, description="one weight per class, 0 or more; none: all are 1")


@loss("focal", settings=FocalSettings, output="logits", target="classes", unit="nats", by_class="class_weights")
class Focal(PointwiseLoss[FocalSettings]):
    """-weight (1 - p)^gamma log p with p the softmax of the true class, in nats, the mean over positions.

    Reference: Lin et al. 2017, arXiv:1708.02002, eq. 4-5, with softmax in place of sigmoid.
    """

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B, P...) nats, of logits (B, P..., C) and classes (B, P...) in [0, C)."""
        require_classes(output, target, loss="focal")
        true = target.long()[..., None]  # (B, P..., 1)
        whole = output.logsumexp(-1)
        said = with_known_classes(lambda: output.gather(-1, true), target, output.shape[-1], where="loss focal")
        log_p = said[..., 0] - whole
        log_rest = output.scatter(-1, true, -torch.inf).logsumexp(-1) - whole  # log(1 - p)
        values = -torch.exp(self.settings.gamma * log_rest) * log_p
        weights = weight_of_classes(self.settings.class_weights, output, loss="focal")
        return values if weights is None else weights[target.long()] * values

    @staticmethod
    def example() -> LossExample:
        """Three rows of three classes, one row hidden."""
        output = torch.tensor([[2.0, 0.5, -1.0], [0.0, 0.3, 0.1], [1.0, 2.0, 3.0]])
        mask = torch.tensor([True, True, False])
        return LossExample(FocalSettings(class_weights=(1.0, 2.0, 0.5)), output, torch.tensor([0, 2, 1]), mask)


class BinaryFocalSettings(Settings):
    """How much sure examples are played down, and the balance of positive and negative answers."""

    gamma: float = Field(default=2.0, ge=0, le=10, description="focusing power; 0 is weighted cross-entropy")
    alpha: float | None = Field(
        default=0.25, gt=0, lt=1, description="weight of positives, negatives have the rest; none: both 1"
    )


@loss("binary-focal", settings=BinaryFocalSettings, output="logits", target="labels", unit="nats")
class BinaryFocal(PointwiseLoss[BinaryFocalSettings]):
    """-alpha_t (1 - p_t)^gamma log p_t with p_t the sigmoid of the true answer, in nats, the mean over labels.

    Reference: Lin et al. 2017, arXiv:1708.02002, eq. 5.
    """

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B, ...) nats, of logits and answers (0 or 1) of one shape."""
        require_same_shape(output, target, loss="binary-focal")
        y = target.to(output.dtype)  # by arithmetic, so that an answer that is no number costs no number
        signed = (2 * y - 1) * output
        values = -torch.exp(self.settings.gamma * F.logsigmoid(-signed)) * F.logsigmoid(signed)
        alpha = self.settings.alpha
        return values if alpha is None else (y * alpha + (1 - y) * (1 - alpha)) * values

    @staticmethod
    def example() -> LossExample:
        """Two rows of three labels, one of them unknown."""
        output, target = torch.tensor([[2.0, 0.5, -1.0], [0.2, -3.0, 1.0]]), torch.tensor([[1, 0, 0], [1, 1, 0]])
        return LossExample(BinaryFocalSettings(), output, target, torch.tensor([[True, True, True], [True, True, False]]))
