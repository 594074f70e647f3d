"""A user's own loss, checked at each call: one number for each row, or one mean of them all."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.losses._slope_error import SlopeError, slope_error

Calls = list[tuple[Tensor, ...]]
"""Outputs, targets and masks of each call."""


class OwnLoss:
    """Any callable of outputs and targets as a loss of rows.

    A single number counts for every row alike, so that a mean over a batch is divided by nothing twice.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        if isinstance(function, type):
            raise _refusal(
                f"an object of {function.__name__}, as every class does", f"give an instance: loss={function.__name__}()"
            )
        self.function = function
        self.calls: Calls | None = None

    @contextmanager
    def watched(self) -> Iterator[Calls]:
        """What it is called with meanwhile."""
        self.calls = []
        try:
            yield self.calls
        finally:
            self.calls = None

    def slope_error(self, output: Tensor, *others: Tensor) -> SlopeError | None:
        """How far its slope is from finite differences, at most; None where it is right, or cannot be tried in float64."""
        function = copy.deepcopy(self.function) if isinstance(self.function, nn.Module) else self.function  # it may count
        wide = [one.detach().cpu().double() if one.is_floating_point() else one.cpu() for one in others]
        try:
            return slope_error(lambda given: OwnLoss(function)(given, *wide), output)
        except (RuntimeError, TypeError, ValueError):
            return None

    def __call__(self, output: Tensor, target: Tensor, *masks: Tensor) -> Tensor:
        """(B,) losses of outputs (B, ...) against targets (B, ...).

        Raises:
            UsageRefusal: it gives no tensor of floats, of another shape, or one that no slope flows through.
        """
        if self.calls is not None:
            self.calls.append((output, target, *masks))
        given = self.function(output, target, *masks)
        if not isinstance(given, Tensor):
            raise _refusal(f"a {type(given).__name__}", "return a tensor: loss.mean(), not loss.item()")
        if not given.is_floating_point():
            raise _refusal(f"a tensor of {_name(given)}", "return floats: (...).float().mean()")
        if output.requires_grad and not given.requires_grad:
            raise _refusal(
                f"a tensor of shape {tuple(given.shape)} with requires_grad=False",
                "compute it from the output without .detach(), .item(), .numpy(), argmax or no_grad",
            )
        if given.dim() and given.shape != output.shape[:1]:
            raise _refusal(f"shape {tuple(given.shape)} for {len(output)} rows", "average over all axes but the first, or all")
        return given if given.dim() else given.expand(len(output))


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _refusal(what: str, fix: str) -> UsageRefusal:
    return UsageRefusal(
        "LOSS_UNFIT",
        f"your loss gives {what}; a number for each row, or one for all of them, is wanted",
        where="loss",
        why="its slope could not be followed",
        fix=fix,
    )
