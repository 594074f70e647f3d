"""Slopes: what a model's backward pass gives is what its answers do when a weight or an input moves a little."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from thalweg.contracts.finding import Beside, Contract, broken
from thalweg.contracts.subject import Subject, Tensors, seeded

DIRECTIONS = 3
STEPS, NEAR, NOISE = (1e-6, 1e-7, 1e-8), 1e-5, 1e-14
"""How far weights and inputs are moved, in float64: less where the first is too far for a bend nearby. A slope may differ by a
share of its size, and by what rounding to a share of the value makes of a difference."""


class Moved(NamedTuple):
    """A tensor that a value depends on, and the slope of the value in it."""

    name: str
    tensor: Tensor
    slope: Tensor


def slopes_are_right(subject: Subject, *, seed: int = 0) -> None:
    """In training and in evaluation, slopes in weights and inputs are those of finite differences, in float64.

    Args:
        seed: of the weights, the example and the directions in which they are moved.
    """
    for training in (True, False):
        value, tensors = _value_of(subject, training=training, seed=seed)
        found = value()
        if not found.requires_grad:
            raise Beside("no slope leads from its answers to its weights or inputs")
        slopes: Sequence[Tensor | None] = torch.autograd.grad(found, list(tensors.values()), allow_unused=True)
        pairs = zip(tensors.items(), slopes, strict=True)
        moved = [Moved(name, one, slope) for (name, one), slope in pairs if slope is not None]  # None: no path leads there
        generator = torch.Generator().manual_seed(seed)
        if any(_error(value, moved, generator) > 1 for _ in range(DIRECTIONS)):
            _tell(value, moved, generator, "in training" if training else "in evaluation")


def _value_of(subject: Subject, *, training: bool, seed: int) -> tuple[Callable[[], Tensor], dict[str, Tensor]]:
    """A weighted sum of all answers to the example, as a function of the tensors that are given with it, by name."""
    model = subject.made(seed=seed).double().train(training)
    _leave_kinks(model)
    rows = {name: one.double() if one.is_floating_point() else one for name, one in subject.rows(seed=seed).items()}
    inputs = {name: one.requires_grad_() for name, one in subject.inputs(rows).items() if one.is_floating_point()}

    def value() -> Tensor:
        with seeded(0):  # what is dropped is the same at every call
            return _weighted(subject.outputs(model, rows))

    return value, {**{name: one for name, one in model.named_parameters() if one.requires_grad}, **inputs}


def _leave_kinks(model: nn.Module) -> None:
    """Move all weights a little: with biases of 0 the input of a ReLU may be 0 too, where it has two slopes."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for one in model.parameters():
            one.add_(0.01 * torch.randn(one.shape, generator=generator, dtype=torch.float64))


def _weighted(answers: Tensors) -> Tensor:
    """The sum of all that is smooth in the answers, each number with a weight of its own."""
    generator = torch.Generator().manual_seed(1)
    smooth = [one for one in answers.values() if one.is_floating_point()]
    weights = [torch.randn(one.shape, generator=generator, dtype=torch.float64) for one in smooth]
    total = sum((one * weight).sum() for one, weight in zip(smooth, weights, strict=True))
    return total if isinstance(total, Tensor) else torch.zeros(())


def _error(value: Callable[[], Tensor], moved: Sequence[Moved], generator: torch.Generator) -> float:
    """By how many times what is allowed the slope differs from the difference, along one direction through all tensors."""
    ways = [torch.randn(one.tensor.shape, generator=generator, dtype=torch.float64) for one in moved]
    said = float(sum((one.slope * way).sum() for one, way in zip(moved, ways, strict=True)))
    least = float("inf")
    for step in STEPS:
        ahead, behind = (_at(value, moved, ways, side * step) for side in (1, -1))
        seen = (ahead - behind) / (2 * step)
        allowed = NEAR * max(abs(said), abs(seen)) + NOISE / step * max(1.0, abs(ahead))
        least = min(least, abs(said - seen) / allowed)
        if least <= 1:
            break
    return least


def _at(value: Callable[[], Tensor], moved: Sequence[Moved], ways: Sequence[Tensor], far: float) -> float:
    """The value where each tensor is moved so far along its way; they are put back."""
    before = [one.tensor.detach().clone() for one in moved]
    with torch.no_grad():
        for one, way in zip(moved, ways, strict=True):
            one.tensor.add_(far * way)
        found = float(value())
        for one, held in zip(moved, before, strict=True):
            one.tensor.copy_(held)
    return found


def _tell(value: Callable[[], Tensor], moved: Sequence[Moved], generator: torch.Generator, when: str) -> None:
    """Say in which tensor the slope is farthest off.

    Raises:
        Broken: always, naming it with both numbers.
    """

    def apart() -> Iterator[tuple[float, str]]:
        for one in moved:
            yield _error(value, [one], generator), one.name

    worst, name = max(apart())
    broken(
        f"{when} the slope in {name} is not that of finite differences: {worst * NEAR:.2g} of it apart",
        "look for .detach(), .data, rounding, or a backward of your own; a smooth path must lead through forward",
    )


CONTRACTS: dict[str, Contract[Subject]] = {"its slopes are those of finite differences": slopes_are_right}
"""What any module's slopes are held to."""
