"""Classes along the last axis: the checks that losses over classes share.

Axes: B batch, P any further positions, C classes.
"""

from typing import Annotated

from pydantic import AfterValidator, Field
from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.losses._loss import shape_refusal

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _some_positive(weights: tuple[float, ...]) -> tuple[float, ...]:
    if not any(weights):
        raise ValueError("at least one weight must be above 0")
    return weights


ClassWeights = Annotated[tuple[Weight, ...], AfterValidator(_some_positive)]
"""One weight per class, 0 or more; multiplies the loss of the examples of that class."""


def require_classes(output: Tensor, target: Tensor, *, loss: str) -> None:
    """Check that `output` (B, P..., C) holds at least two classes for each target of (B, P...).

    Raises:
        UsageRefusal: one class only, or the axes do not match.
    """
    if output.shape[:-1] != target.shape or output.shape[-1] < 2:
        raise shape_refusal(
            output,
            target,
            loss=loss,
            why="the last axis of the output holds the classes, two or more; the other axes are the target's",
            fix="move the classes last, for example output.movedim(1, -1)",
        )


def weight_of_classes(
    weights: tuple[float, ...] | None, output: Tensor, *, loss: str, key: str = "class_weights"
) -> Tensor | None:
    """The weights as a tensor (C,) beside `output` (..., C), or None where none were given.

    Raises:
        UsageRefusal: not one weight per class; both numbers are named.
    """
    if weights is None:
        return None
    if len(weights) != output.shape[-1]:
        raise UsageRefusal(
            "LOSS_WEIGHTS_LENGTH",
            f"{key} holds {len(weights)} weights, the output {output.shape[-1]} classes",
            where=f"loss {loss}",
            why="each class needs its own weight",
            fix=f"give {output.shape[-1]} weights (--set task.loss.{key}=[...])",
        )
    return output.new_tensor(weights)
