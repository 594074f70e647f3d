"""The absolute loss, of the Laplace distribution: robust against outlying targets."""

import torch
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import LossExample, PointwiseLoss, require_same_shape


@loss("absolute", output="values", target="values", unit="target", capturable=True)
class Absolute(PointwiseLoss[Settings]):
    """|output - target|, the mean over positions; estimates the median of the target."""

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B, ...) absolute differences; `output` and `target` (B, ...) have one shape."""
        require_same_shape(output, target, loss="absolute")
        return F.l1_loss(output, target.to(output.dtype), reduction="none")

    @staticmethod
    def example() -> LossExample:
        """Three single values, one of them hidden."""
        output, target = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([1.0, 1.0, -2.5])
        return LossExample(Settings(), output, target, torch.tensor([True, True, False]))
