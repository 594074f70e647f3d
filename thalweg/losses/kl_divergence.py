"""The Kullback-Leibler divergence from a given distribution, as distillation uses it.

Axes: B batch, P any further positions, C classes.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import LossExample, PointwiseLoss, require_same_shape


class KLDivergenceSettings(Settings):
    """What the target holds, and the temperature that softens both sides."""

    target: Literal["probabilities", "logits"] = Field(default="probabilities", description="what the target holds")
    temperature: float = Field(default=1.0, gt=0, le=100, description="both distributions are softened by it")


@loss("kl-divergence", settings=KLDivergenceSettings, output="logits", target="probabilities", unit="nats")
class KLDivergence(PointwiseLoss[KLDivergenceSettings]):
    """KL(target || softmax(output)) in nats, the mean over positions, times temperature squared.

    The square keeps gradients comparable over temperatures. Probabilities of zero are allowed.

    Reference: Hinton et al. 2015, arXiv:1503.02531, section 2.
    """

    hidden_target: ClassVar[float] = 1.0  # all zeros would be no distribution

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B, P...) nats, of logits (B, P..., C) and a distribution (B, P..., C) along the last axis."""
        require_same_shape(output, target, loss="kl-divergence")
        temperature, given = self.settings.temperature, target.to(output.dtype)
        logits = given if self.settings.target == "logits" else given.log()
        goal = F.softmax(logits / temperature, -1)
        log_p = F.log_softmax(output / temperature, -1)
        return temperature**2 * F.kl_div(log_p, goal, reduction="none").sum(-1)

    @staticmethod
    def example() -> LossExample:
        """Three rows of three classes, a zero among the probabilities, one row hidden."""
        output = torch.tensor([[2.0, 0.5, -1.0], [0.0, 0.3, 0.1], [1.0, 2.0, 3.0]])
        target = torch.tensor([[0.7, 0.3, 0.0], [0.2, 0.2, 0.6], [1.0, 0.0, 0.0]])
        return LossExample(KLDivergenceSettings(temperature=2.0), output, target, torch.tensor([True, True, False]))
