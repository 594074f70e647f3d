"""The squared loss, of the normal distribution with a fixed width."""

import torch
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import LossExample, PointwiseLoss, require_same_shape


@loss("squared", output="values", target="values", unit="squared target", capturable=True)
class Squared(PointwiseLoss[Settings]):
    """(output - target)^2, the mean over positions; estimates the mean of the target."""

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B, ...) squared differences; `output` and `target` (B, ...) have one shape."""
        require_same_shape(output, target, loss="squared")
        return F.mse_loss(output, target.to(output.dtype), reduction="none")

    @staticmethod
    def example() -> LossExample:
        """Two rows of three values, one of them hidden."""
        output = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]])
        mask = torch.tensor([[True, True, True], [True, True, False]])
        return LossExample(Settings(), output, torch.tensor([[1.0, 1.0, 2.5], [0.0, -2.0, 3.0]]), mask)
