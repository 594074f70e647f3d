"""Hinge losses: no cost beyond a margin; they give support vector machines their name.

Axes: B batch, P any further positions, C classes.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.known_classes import with_known_classes
from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._classes import ClassWeights, require_classes, weight_of_classes
from thalweg.losses._loss import LossExample, PointwiseLoss, require_same_shape


class HingeSettings(Settings):
    """The margin and the power of what falls short of it."""

    margin: float = Field(default=1.0, gt=0, description="score beyond which an answer costs nothing")
    power: Literal[1, 2] = Field(default=1, description="1 is the hinge, 2 the squared hinge")


@loss("hinge", settings=HingeSettings, output="scores", target="labels", unit="score")
class Hinge(PointwiseLoss[HingeSettings]):
    """max(0, margin - y output)^power with y = +1 for the answer 1 and -1 for 0; the mean over labels.

    Reference: Cortes & Vapnik 1995, doi:10.1007/BF00994018.
    """

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B, ...) losses, of scores and answers (0 or 1) of one shape."""
        require_same_shape(output, target, loss="hinge")
        y = 2 * target.to(output.dtype) - 1
        return F.relu(self.settings.margin - y * output) ** self.settings.power

    @staticmethod
    def example() -> LossExample:
        """Four rows of one answer each, one of them hidden."""
        output, target = torch.tensor([2.0, 0.5, -0.3, 0.1]), torch.tensor([1, 1, 1, 0])
        return LossExample(HingeSettings(), output, target, torch.tensor([True, True, True, False]))


class MultiClassHingeSettings(HingeSettings):
    """The margin, the power and weights of the classes."""

    class_weights: ClassWeights | None = Field(default=None, description="one weight per class, 0 or more; none: all are 1")


@loss(
    "multi-class-hinge",
    settings=MultiClassHingeSettings,
    output="scores",
    target="classes",
    unit="score",
    by_class="class_weights",
)
class MultiClassHinge(PointwiseLoss[MultiClassHingeSettings]):
    """Sum over wrong classes of max(0, margin - score of the true + score of the wrong)^power, divided by C.

    Reference: Weston & Watkins 1999, ESANN.
    """

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B, P...) losses, of scores (B, P..., C) and classes (B, P...) in [0, C)."""
        require_classes(output, target, loss="multi-class-hinge")
        index, classes = target.long()[..., None], output.shape[-1]  # (B, P..., 1)
        true = with_known_classes(lambda: output.gather(-1, index), target, classes, where="loss multi-class-hinge")
        # torch's own kernel calls a score that is no number far enough away
        short = F.relu(self.settings.margin - true + output) ** self.settings.power  # (B, P..., C)
        values = short.scatter(-1, index, 0.0).sum(-1) / classes
        weights = weight_of_classes(self.settings.class_weights, output, loss="multi-class-hinge")
        return values if weights is None else weights[target.long()] * values

    @staticmethod
    def example() -> LossExample:
        """Three rows of three classes, one row hidden."""
        output = torch.tensor([[2.0, 1.5, -1.0], [0.0, 0.3, 0.1], [1.0, 2.0, 3.0]])
        mask = torch.tensor([True, True, False])
        return LossExample(MultiClassHingeSettings(class_weights=(1.0, 2.0, 0.5)), output, torch.tensor([0, 2, 1]), mask)
