"""A subject is a net with what it learns from and how; a case is one training of it, to which a fault may have been done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.doctor.data import Data, Source

Weights = Iterable[nn.Parameter]
Optimizer = Callable[[Weights, float], torch.optim.Optimizer]
Criterion = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Shape:
    """How a net is built.

    Attributes:
        activation: of all hidden layers but those inside attention and recurrence.
        width: of its hidden layers; 0 is the net's own.
        depth: hidden layers more than it has, all with the activation.
        normalised: with batch normalisation, where it has none by itself.
        dropout: between the last hidden layers.
    """

    activation: type[nn.Module] | None = None
    width: int = 0
    depth: int = 0
    normalised: bool = False
    dropout: float | None = None

    def chosen(self, own: type[nn.Module]) -> type[nn.Module]:
        """The activation, or the net's own."""
        return self.activation or own


@dataclass(frozen=True)
class Habits:
    """How the loop is written.

    Attributes:
        clears: when gradients are cleared: "each step", "never", "each epoch", or "never called" (`optimizer.zero_grad`).
        modes: "right", "never eval", "never train" (again, after the first evaluation), or "eval from the start".
        seconds_for_rows: what it takes to fetch one batch.
        works_in_loop: that time passes inside the loop, not in the dataset.
    """

    clears: str = "each step"
    modes: str = "right"
    seconds_for_rows: float = 0.0
    works_in_loop: bool = False


def facts(words: str) -> frozenset[str]:
    """The facts of a subject, parted by spaces."""
    return frozenset(words.split())


@dataclass(frozen=True)
class Subject:
    """A net, what it learns from, and the settings under which it learns well.

    Attributes:
        net: from a shape and the data.
        loop: the name of the loop in `loops.py`.
        facts: what decides which faults can be done to it. "classes" (it tells them), "dropout", "batch-norm" (it has them),
            "normalisable" (it can have batch normalisation), "rectified" (ReLU, and no normalisation), "bounded" (tanh suits
            it), "bare" (inputs are numbers, and no normalisation scales them), "columns" (which may be of several units),
            "noise" (it learns in spite of noise), "small" (it learns few rows by heart), "deep" (it can be made deeper),
            "explodes" (large weights hurt it), "narrows"
            (one unit a layer is too few, and nothing else goes wrong), "two-are-few" (two are).
        frozen: modules that may be frozen by mistake, by name.
    """

    name: str
    source: Source
    net: Callable[[Shape, Data], nn.Module]
    optimizer: Optimizer
    rate: float
    loop: str
    facts: frozenset[str]
    frozen: tuple[str, ...]
    batch: int = 32
    steps: int = 240


@dataclass(frozen=True)
class Case:
    """One training.

    Attributes:
        finish: what is done to the net after it is built; gives the net that is called.
        learned: what the optimizer is given.
        spoken: what was done, in words.
    """

    subject: Subject
    data: Data
    rate: float
    batch: int
    steps: int
    criterion: Criterion
    seed: int
    shape: Shape = Shape()
    habits: Habits = Habits()
    finish: Callable[[nn.Module], nn.Module] = field(default=lambda net: net)
    learned: Callable[[nn.Module], Weights] = field(default=lambda net: net.parameters())
    evaluations: int = 8
    spoken: str = "healthy"

    def net(self) -> nn.Module:
        """The net, its weights drawn from the seed."""
        torch.manual_seed(self.seed)
        return self.finish(self.subject.net(self.shape, self.data))


def healthy(subject: Subject, seed: int) -> Case:
    """The training as it should be."""
    data = subject.source(seed)
    return Case(subject, data, subject.rate, subject.batch, subject.steps, criterion_of(data), seed)


def criterion_of(data: Data) -> Criterion:
    """Cross-entropy over classes, the last axis of the outputs, or the squared error."""
    if data.classes:
        return lambda outputs, targets: F.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1))
    return lambda outputs, targets: F.mse_loss(outputs.reshape(targets.shape), targets)


def hidden(widths: list[int], activation: type[nn.Module]) -> nn.Sequential:
    """Linear layers, each with the activation behind it."""
    pairs = [[nn.Linear(before, after), activation()] for before, after in pairwise(widths)]
    return nn.Sequential(*(layer for pair in pairs for layer in pair))
