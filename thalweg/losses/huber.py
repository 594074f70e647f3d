"""Huber's loss: squared near the target, absolute far from it."""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import LossExample, PointwiseLoss, require_same_shape


class HuberSettings(Settings):
    """Where the square ends."""

    delta: float = Field(default=1.0, gt=0, description="distance from the target, in its unit, where the loss becomes linear")


@loss("huber", settings=HuberSettings, output="values", target="values", unit="squared target", capturable=True)
class Huber(PointwiseLoss[HuberSettings]):
    """Half the squared difference up to delta, then delta times (difference - delta / 2); the mean over positions.

    Reference: Huber 1964, doi:10.1214/aoms/1177703732.
    """

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B, ...) losses; `output` and `target` (B, ...) have one shape."""
        require_same_shape(output, target, loss="huber")
        return F.huber_loss(output, target.to(output.dtype), reduction="none", delta=self.settings.delta)

    @staticmethod
    def example() -> LossExample:
        """Two rows of two values on both sides of delta, one of them hidden."""
        output, target = torch.tensor([[0.5, -1.0], [2.0, 4.0]]), torch.tensor([[0.1, 1.5], [1.75, 0.0]])
        return LossExample(HuberSettings(delta=0.5), output, target, torch.tensor([[True, True], [True, False]]))
