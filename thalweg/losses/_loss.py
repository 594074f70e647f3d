"""What a loss is: a callable from (output, target, mask) to one number per example.

The sum over examples, their weights and the division belong to whoever measures slopes, so a loss never reduces over the
batch. Axes after the first are averaged over the positions that the mask shows.

Axes: B batch, P any further positions, C classes, D width.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.core.settings import Settings

S = TypeVar("S", bound=Settings)

NARROW = (torch.float16, torch.bfloat16)


class LossExample(NamedTuple):
    """The smallest instance of a loss: settings and tensors small enough to check by hand."""

    settings: Settings
    output: Tensor
    target: Tensor
    mask: Tensor | None = None


class Loss(ABC, Generic[S]):
    """The base of every loss: `Loss(settings)(output, target, mask)` is the loss per example, (B,)."""

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @abstractmethod
    def __call__(self, output: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss of each example, averaged over its positions.

        Args:
            output: (B, ...) what the model says.
            target: (B, ...) what is true.
            mask: bool, shaped like the leading axes of output and target; False hides a position, whatever it holds.

        Returns:
            (B,) in float32 or wider, in the unit that the part states; 0 where the mask hides all of an example.
        """

    @staticmethod
    @abstractmethod
    def example() -> LossExample:
        """The smallest instance, from which contracts and the documentation live."""


class PointwiseLoss(Loss[S]):
    """A loss that is a mean over positions, each judged on its own."""

    hidden_target: ClassVar[float] = 0.0
    """A legal target, put where the mask hides the true one."""

    @abstractmethod
    def pointwise(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of every position.

        Args:
            output: (B, ...) in float32 or wider.
            target: (B, ...) as given, legal values at hidden positions.

        Returns:
            (B, ...) not yet averaged.
        """

    def __call__(self, output: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The mean over the shown positions of each example; see `Loss.__call__`."""
        values = self.pointwise(visible(widened(output), mask), visible(target, mask, fill=self.hidden_target))
        return mean_per_example(values, mask)


def widened(output: Tensor) -> Tensor:
    """The output in float32 when it is narrower: squares and logarithms of half floats overflow."""
    return output.float() if output.dtype in NARROW else output


def visible(values: Tensor, mask: Tensor | None, *, fill: float = 0.0) -> Tensor:
    """`values` with everything under the mask replaced, so that neither it nor its gradient reaches the loss.

    Args:
        values: (B, P..., ...).
        mask: (B, P...) bool, or None.

    Raises:
        UsageRefusal: the mask is not shaped like the leading axes of `values`.
    """
    if mask is None:
        return values
    if values.shape[: mask.ndim] != mask.shape:
        raise UsageRefusal(
            "LOSS_MASK_SHAPE",
            f"the mask has shape {tuple(mask.shape)}, the values have {tuple(values.shape)}",
            where="mask of the loss",
            why="a mask says which examples and positions count",
            fix="give it the leading axes of the output and of the target",
        )
    return values.masked_fill(~_spread(mask, values), fill)


def mean_per_example(values: Tensor, mask: Tensor | None) -> Tensor:
    """(B,) the mean of (B, ...) over the positions that the mask shows; 0 where it shows none."""
    flat = values.flatten(1) if values.ndim > 1 else values[:, None]  # (B, P)
    if mask is None:
        return flat.mean(1)
    shown = _spread(mask, values).expand_as(values).reshape(flat.shape)  # (B, P)
    return torch.where(shown, flat, 0.0).sum(1) / shown.sum(1).clamp(min=1)


def require_same_shape(output: Tensor, target: Tensor, *, loss: str) -> None:
    """Refuse what broadcasting would otherwise turn into a loss of every output against every target.

    Raises:
        UsageRefusal: the shapes differ.
    """
    if output.shape != target.shape:
        raise shape_refusal(
            output,
            target,
            loss=loss,
            why="each value needs exactly one target",
            fix="reshape one of them, for example output.squeeze(-1)",
        )


def shape_refusal(output: Tensor, target: Tensor | None, *, loss: str, why: str, fix: str) -> UsageRefusal:
    """The refusal, ready to raise, of an output and a target whose shapes do not fit the loss named `loss`."""
    beside = "" if target is None else f", the target {tuple(target.shape)}"
    what = f"the output has shape {tuple(output.shape)}{beside}"
    return UsageRefusal("LOSS_SHAPE", what, where=f"loss {loss}", why=why, fix=fix)


def _spread(mask: Tensor, values: Tensor) -> Tensor:
    return mask.bool().reshape(mask.shape + (1,) * (values.ndim - mask.ndim))
