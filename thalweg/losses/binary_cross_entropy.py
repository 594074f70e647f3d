"""Cross-entropy of yes-or-no answers, from logits: one for each label that an example may carry.

Axes: B batch, P any further positions, C labels.
"""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._classes import ClassWeights, weight_of_classes
from thalweg.losses._loss import LossExample, PointwiseLoss, require_same_shape


class BinaryCrossEntropySettings(Settings):
    """Softening of the target and weights of the positive answers."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="share of the target replaced by one half")
    positive_weights: ClassWeights | None = Field(default=None, description="one weight per label for its positive examples")


@loss(
    "binary-cross-entropy",
    settings=BinaryCrossEntropySettings,
    output="logits",
    target="labels",
    unit="nats",
    capturable=True,
    by_class="positive_weights",
)
class BinaryCrossEntropy(PointwiseLoss[BinaryCrossEntropySettings]):
    """-log of the probability that sigmoid(output) gives to each answer, in nats, the mean over labels and positions."""

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each label.

        Args:
            output: (B,) or (B, P..., C) logits.
            target: the same shape, in [0, 1]; integers, bools or floats.

        Returns:
            the same shape, nats.
        """
        require_same_shape(output, target, loss="binary-cross-entropy")
        labels = output[:, None] if output.ndim == 1 else output  # a single answer is one label
        smoothing = self.settings.label_smoothing
        softened = target.to(output.dtype) * (1 - smoothing) + smoothing / 2
        weights = weight_of_classes(self.settings.positive_weights, labels, loss="binary-cross-entropy", key="positive_weights")
        return F.binary_cross_entropy_with_logits(labels, softened.reshape(labels.shape), pos_weight=weights, reduction="none")

    @staticmethod
    def example() -> LossExample:
        """Two rows of three labels, one of them unknown."""
        output, target = torch.tensor([[2.0, 0.5, -1.0], [0.0, -3.0, 1.0]]), torch.tensor([[1, 0, 0], [1, 1, 0]])
        settings = BinaryCrossEntropySettings(label_smoothing=0.1, positive_weights=(1.0, 3.0, 0.5))
        return LossExample(settings, output, target, torch.tensor([[True, True, True], [True, True, False]]))
