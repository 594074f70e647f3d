"""The quantile (pinball) loss: several quantiles of the target at once.

Axes: B batch, P any further positions, Q quantiles.
"""

from typing import Annotated

import torch
from pydantic import Field, field_validator
from torch import Tensor

from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import LossExample, PointwiseLoss, shape_refusal

Level = Annotated[float, Field(gt=0, lt=1)]


class QuantileSettings(Settings):
    """Which quantiles the output holds."""

    quantiles: tuple[Level, ...] = Field(default=(0.1, 0.5, 0.9), min_length=1, description="levels in (0, 1), rising")

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if sorted(set(levels)) != list(levels):
            raise ValueError("quantiles must rise, each named once")
        return levels


@loss("quantile", settings=QuantileSettings, output="quantiles", target="values", unit="target")
class Quantile(PointwiseLoss[QuantileSettings]):
    """max(q e, (q - 1) e) with e = target - output, the mean over quantiles and positions.

    Reference: Koenker & Bassett 1978, doi:10.2307/1913643, eq. 1.2.
    """

    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """(B, P..., Q) losses, of quantiles (B, P..., Q) and values (B, P...).

        Raises:
            UsageRefusal: the output does not hold one value per quantile.
        """
        levels = self.settings.quantiles
        if output.shape != (*target.shape, len(levels)):
            raise shape_refusal(
                output,
                target,
                loss="quantile",
                why=f"the last axis of the output holds one value for each of the {len(levels)} quantiles",
                fix=f"make the output {(*target.shape, len(levels))}, or set task.loss.quantiles",
            )
        q = output.new_tensor(levels)
        e = target[..., None].to(output.dtype) - output
        return torch.maximum(q * e, (q - 1) * e)

    @staticmethod
    def example() -> LossExample:
        """Three values with three quantiles each, one value hidden."""
        output = torch.tensor([[-1.0, 0.0, 1.0], [0.5, 0.6, 2.0], [1.0, 2.0, 3.0]])
        return LossExample(QuantileSettings(), output, torch.tensor([0.3, 2.5, 9.0]), torch.tensor([True, True, False]))
