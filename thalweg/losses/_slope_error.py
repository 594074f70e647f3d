"""How far the slope of any loss is from what its values do when an output moves a little: a check of somebody's own loss."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

STEP, NEAR, NOISE = 1e-6, 1e-4, 1e-8
"""How far an output is moved, in float64; how far a slope may be off as a share of the largest, and of the loss."""
MOST = 64
"""Outputs that are moved one by one, drawn where there are more."""
OFF_KINKS = 0.01
"""By how much outputs are moved first: at 0, where many losses have two slopes, a new net's outputs may lie."""


class SlopeError(NamedTuple):
    """The output whose slope is farthest off: its place, the slope that is given, and the one that is seen."""

    place: tuple[int, ...]
    given: float
    seen: float
    tried: int

    def __str__(self) -> str:
        where = ", ".join(map(str, self.place))
        return (
            f"at output ({where}) it is {self.given:.4g}, and {self.seen:.4g} by finite differences: "
            f"{abs(self.given - self.seen):.2g} apart, the largest error of {self.tried}"
        )


def slope_error(judge: Callable[[Tensor], Tensor], output: Tensor) -> SlopeError | None:
    """The largest error of the slopes of a loss, in float64; None where all agree.

    All outputs are moved together, in two directions; only where that shows an error they are moved one by one.

    Args:
        judge: gives the loss of outputs: one number, or one for each example.
        output: (B, ...) what is judged.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(output.shape, generator=generator, dtype=torch.float64)
    given = (output.detach().cpu().double() + OFF_KINKS * noise).requires_grad_()
    total = _total(judge, given)
    (slope,) = torch.autograd.grad(total, given)
    size = abs(float(total.detach()))
    ways = [torch.randn(output.shape, generator=generator, dtype=torch.float64) for _ in range(2)]
    pairs = [((slope * way).sum(), _quotient(judge, given.detach(), way)) for way in ways]
    if not any(_apart(*pair, size) for pair in pairs):
        return None
    places = torch.randperm(given.numel(), generator=generator)[:MOST]
    said = slope.flatten()[places]
    seen = torch.stack([_quotient(judge, given.detach(), _one(given, int(place))) for place in places])
    worst = int((said - seen).abs().argmax())
    place = torch.unravel_index(places[worst], given.shape)
    return SlopeError(tuple(int(one) for one in place), float(said[worst]), float(seen[worst]), len(places))


def _apart(given: Tensor, seen: Tensor, size: float) -> bool:
    """Farther than rounding and a bend nearby make; `size` is that of the loss."""
    allowed = NEAR * max(abs(float(given)), abs(float(seen))) + NOISE * max(1.0, size)
    return not abs(float(given - seen)) <= allowed


def _one(output: Tensor, place: int) -> Tensor:
    """The direction in which one output moves."""
    way = torch.zeros_like(output)
    way.view(-1)[place] = 1.0
    return way


def _quotient(judge: Callable[[Tensor], Tensor], output: Tensor, way: Tensor) -> Tensor:
    """By how much the loss rises along a way, as a share of how far outputs go."""
    with torch.no_grad():
        return (_total(judge, output + STEP * way) - _total(judge, output - STEP * way)) / (2 * STEP)


def _total(judge: Callable[[Tensor], Tensor], output: Tensor) -> Tensor:
    """The sum of all losses, whatever they draw drawn alike."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return judge(output).double().sum()
