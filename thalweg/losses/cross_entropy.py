"""Cross-entropy over exclusive classes, from logits.

Axes: B batch, P any further positions, C classes.
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


class CrossEntropySettings(Settings):
    """Softening of the target and weights of the classes."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="mass moved off the true class towards uniform")
    class_weights: ClassWeights | None = Field(default=None, description="one weight per class, 0 or more; none: all are 1")


@loss(
    "cross-entropy",
    settings=CrossEntropySettings,
    output="logits",
    target="classes",
    unit="nats",
    capturable=True,
    by_class="class_weights",
)
class CrossEntropy(PointwiseLoss[CrossEntropySettings]):
    """-log softmax(output)[target] in nats, the mean over positions; soft targets are accepted too.

    Class weights multiply; the result is not divided by them, since what an example counts is said by its own weight.

    Reference: Szegedy et al. 2016, arXiv:1512.00567, eq. 7-8 (label smoothing).
    """

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss at each position.

        Args:
            output: (B, P..., C) logits.
            target: (B, P...) classes in [0, C), or (B, P..., C) floating probabilities, as mixing produces them.

        Returns:
            (B, P...) nats.
        """
        soft = target.is_floating_point()
        if soft:
            require_same_shape(output, target, loss="cross-entropy")
        else:
            require_classes(output, target, loss="cross-entropy")
        flat = output.flatten(0, -2)  # (B * P, C)
        true = target.to(output.dtype).reshape(flat.shape) if soft else target.long().flatten()
        weights = weight_of_classes(self.settings.class_weights, output, loss="cross-entropy")

        def values() -> Tensor:
            return F.cross_entropy(flat, true, weights, label_smoothing=self.settings.label_smoothing, reduction="none")

        known = values() if soft else with_known_classes(values, target, output.shape[-1], where="loss cross-entropy")
        return known.reshape(output.shape[:-1])

    @staticmethod
    def example() -> LossExample:
        """Two rows of two positions and three classes, one position hidden."""
        output = torch.tensor([[[2.0, 0.5, -1.0], [0.0, 0.3, 0.1]], [[-1.0, 1.0, 0.0], [5.0, 0.0, 0.0]]])
        target, mask = torch.tensor([[0, 2], [1, 1]]), torch.tensor([[True, True], [True, False]])
        return LossExample(CrossEntropySettings(label_smoothing=0.1, class_weights=(1.0, 2.0, 0.5)), output, target, mask)
