"""What a healthy kind is, and what their loops share: batches, small nets, the share of right answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.doctor.data import Data
from benchmarks.doctor.loops import Watch


@dataclass(frozen=True)
class Ended:
    """How a training ended.

    Attributes:
        watched: what the doctor's `with` gave.
        well: it learned what it was to learn.
        told: by which figure that is seen.
    """

    watched: Any
    well: bool
    told: str


Run = Callable[[int, Watch], Ended]
"""A training from a seed, under what watches it."""


@dataclass(frozen=True)
class Kind:
    """A way to train that is well."""

    name: str
    about: str
    run: Run


def kind(name: str, about: str) -> Callable[[Run], Kind]:
    """Declares a training as a kind, by its name and what is odd about it."""
    return lambda run: Kind(name, about, run)


def batches(data: Data, size: int, steps: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows at random."""
    draw = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(len(data.inputs), (size,), generator=draw)
        yield data.inputs[rows], data.targets[rows]


def accuracy(model: nn.Module, data: Data) -> float:
    """The share of right answers on held-out rows, asked by itself: after the training."""
    model.eval()
    with torch.no_grad():
        return (model(data.held_out_inputs).argmax(-1) == data.clean_targets).float().mean().item()


def validate(model: nn.Module, data: Data, criterion: Callable[[Tensor, Tensor], Tensor]) -> float:
    """The held-out loss, as a loop asks for it: in evaluation mode, without gradients, and back to training."""
    model.eval()
    with torch.no_grad():
        loss = criterion(model(data.held_out_inputs), data.held_out_targets)
    model.train()
    return loss.item()


def fitted(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Data,
    watch: Watch,
    *,
    seed: int,
    criterion: Callable[[Tensor, Tensor], Tensor] = nn.functional.cross_entropy,
    steps: int = 300,
    after: Callable[[int], None] = lambda step: None,
) -> Any:
    """An ordinary loop of batches of 48, with eight evaluations; gives what was watched.

    Args:
        after: is called after each step.
    """
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(data, 48, steps, seed)):
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
            after(step)
            if step % (steps // 8) == steps // 8 - 1:
                validate(model, data, criterion)
    return watched


def judged(watched: object, measure: str, value: float, *, least: float | None = None, most: float | None = None) -> Ended:
    """Ended well if the figure lies within its bounds."""
    good = (least is None or value >= least) and (most is None or value <= most)
    return Ended(watched, good, f"{measure} {value:.3f}")


def picture_net(classes: int = 10, width: int = 16) -> nn.Sequential:
    """A small convolutional net for 8 x 8 pictures."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * width, 64), nn.ReLU(), nn.Linear(64, classes),
    )  # fmt: skip


def perceptron(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers with an activation between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])
