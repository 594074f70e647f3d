"""Losses of a burst of batches and their slopes by hand, with few kernels: what a batch needs is made for the whole burst.

Each batch's loss is the weighted mean of its rows, as the rule's own step reports it.

Letters: R rows of a burst, B of a batch, C classes, D width of a target.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from thalweg.losses.cross_entropy import CrossEntropy
from thalweg.losses.squared import Squared
from thalweg.tasks._task import Task
from thalweg.tasks.classification import Classification
from thalweg.tasks.regression import Regression


class Verdict(ABC):
    """What the batches of one burst are told."""

    @abstractmethod
    def slope(self, batch: int, sums: Tensor, out: Tensor) -> None:
        """The slope (B, C) of the loss of a batch, counted within the burst, by what the last layer gave (B, C)."""

    @abstractmethod
    def losses(self) -> list[float]:
        """The loss of each batch, once all are judged."""


class CrossEntropyVerdict(Verdict):
    """-sum(target log softmax), where a target holds smoothing, weights of classes and what its row counts.

    Args:
        loss: its smoothing and its weights of classes.
        target: (R,) classes, or (R, C) probabilities.
        shares: (R,) what each row counts of its batch's loss.
        sizes: rows of each batch.
        told: rows of what `losses` tells of, where that is not each batch.
    """

    def __init__(
        self,
        loss: CrossEntropy,
        target: Tensor,
        shares: Tensor,
        sizes: Sequence[int],
        *,
        classes: int,
        told: Sequence[int] | None = None,
    ) -> None:
        smoothing = loss.settings.label_smoothing
        weights = shares.new_tensor(loss.settings.class_weights or [1.0] * classes)
        soft = target if target.is_floating_point() else nn.functional.one_hot(target.long(), classes)  # (R, C)
        self.told = told or sizes
        self.target = -((1 - smoothing) * soft + smoothing / classes) * weights * shares[:, None]  # (R, C)
        self.log_probabilities = torch.empty_like(self.target)
        self.batches = list(zip(self.target.split(sizes), self.log_probabilities.split(sizes), strict=True))

    def slope(self, batch: int, sums: Tensor, out: Tensor) -> None:
        target, log_probabilities = self.batches[batch]
        torch._log_softmax(sums, 1, False, out=log_probabilities)
        torch._log_softmax_backward_data(target, log_probabilities, 1, sums.dtype, out=out)

    def losses(self) -> list[float]:
        return sums_of((self.target * self.log_probabilities).sum(1), self.told)


class SquaredVerdict(Verdict):
    """Squared differences, the mean over a target's numbers.

    Args:
        target: (R, D).
        shares: (R,) what each row counts of its batch's loss.
        sizes: rows of each batch.
        told: rows of what `losses` tells of, where that is not each batch.
    """

    def __init__(self, target: Tensor, shares: Tensor, sizes: Sequence[int], *, told: Sequence[int] | None = None) -> None:
        self.told, self.shares = told or sizes, shares
        self.target = target.to(shares.dtype)
        self.misses = torch.empty_like(self.target)
        steepness = shares[:, None] * (2 / target.shape[1])  # (R, 1)
        self.batches = list(zip(*(one.split(sizes) for one in (self.target, self.misses, steepness)), strict=True))

    def slope(self, batch: int, sums: Tensor, out: Tensor) -> None:
        target, misses, steepness = self.batches[batch]
        torch.sub(sums, target, out=misses)
        torch.mul(misses, steepness, out=out)

    def losses(self) -> list[float]:
        return sums_of(self.misses.square().mean(1) * self.shares, self.told)


def verdict_of(
    loss: object, target: Tensor, shares: Tensor, sizes: Sequence[int], *, classes: int, told: Sequence[int] | None = None
) -> Verdict:
    """What the batches of a burst are told: by cross-entropy where that is the loss, else by squared differences."""
    if isinstance(loss, CrossEntropy):
        return CrossEntropyVerdict(loss, target, shares, sizes, classes=classes, told=told)
    return SquaredVerdict(target.reshape(len(target), -1), shares, sizes, told=told)


def same_loss(one: object, other: object) -> bool:
    """Both tell the same."""
    if isinstance(one, CrossEntropy) and isinstance(other, CrossEntropy):
        return one.settings == other.settings
    return isinstance(one, Squared) and isinstance(other, Squared)


def judges(task: Task, target: Tensor, outputs: int) -> bool:
    """Whether a verdict here is the task's own on a batch's target (B, ...), of a net that answers so many numbers."""
    if type(task) is Classification and type(task.loss) is CrossEntropy:
        return outputs > 1 and (target.shape[1:] == (outputs,) if target.is_floating_point() else target.dim() == 1)
    squared = type(task) is Regression and type(task.loss) is Squared
    return squared and target.is_floating_point() and target.dim() <= 2 and target[0].numel() == outputs


def shares_of(weight: Tensor | None, sizes: Sequence[int], dtype: torch.dtype) -> Tensor:
    """(R,) what each row counts of its batch's loss: equal shares, or those of weights (R,)."""
    counts = torch.tensor(sizes)
    if weight is None:
        return torch.repeat_interleave(1.0 / counts.to(dtype), counts)
    whole = torch.tensor(sums_of(weight, sizes), dtype=dtype).clamp(min=torch.finfo(dtype).tiny)
    return weight.to(dtype) / torch.repeat_interleave(whole, counts)


def sums_of(values: Tensor, sizes: Sequence[int]) -> list[float]:
    """The sum of each batch's values (R,), in the same order of additions wherever the batch stands in its burst."""
    starts = np.cumsum([0, *sizes[:-1]])
    return list(map(float, np.add.reduceat(values.double().numpy(), starts)))
