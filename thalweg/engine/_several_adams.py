"""Adam of several nets of one shape, whose weights, moments and slopes lie side by side: one kernel for all that go alike.

Letters: M nets, N numbers of a net's parameters, P of them with room up to the next line of the cache.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, optim

from thalweg.core.position import Position
from thalweg.engine._flat_adam import IMMENSE, FlatAdam, updated
from thalweg.optimizers._descent import Descent
from thalweg.optimizers._fused_adam import FusedAdam

LINE = 16
"""Numbers at a multiple of which each net's memory begins."""
Kept = tuple[Tensor, list[float]]


@dataclass(frozen=True)
class _Alike:
    """Nets that one kernel updates.

    Attributes:
        group: their common settings.
        rates: of each update.
        tensors: weights, slopes and moments.
        counts: what each update is counted as, for each tensor of weights.
    """

    group: Mapping[str, Any]
    rates: Sequence[float]
    tensors: Sequence[list[Tensor]]
    counts: Sequence[list[Tensor]]


class SeveralAdams:
    """The descents of all nets, by Adam or AdamW each.

    Attributes:
        memory: (3, M, P) weights, running averages of slopes, and of their squares.
        slope: (M, P) what the next updates follow.
    """

    def __init__(self, descents: Sequence[Descent]) -> None:
        self.descents, optimizers = descents, [one.optimizer for one in descents]
        like, size = descents[0].parameters[0], sum(one.numel() for one in descents[0].parameters)
        self.memory = torch.zeros(3, len(descents), -(-size // LINE) * LINE, dtype=like.dtype)
        self.slope = torch.zeros_like(self.memory[0])
        self.each = [_laid(one, self.memory[:, i, :size], self.slope[i, :size]) for i, one in enumerate(optimizers)]
        clips = [one.settings.clip for one in descents]
        self.clips = None if set(clips) == {None} else self.slope.new_tensor([clip or math.inf for clip in clips])
        self.alike = list[_Alike]()

    def views(self) -> Mapping[int, tuple[Tensor, Tensor]]:
        """By the `id` of each parameter of the first net: where it lies in all (M, ...), and where its slope belongs."""
        first, found, start = self.each[0], {}, 0
        for one in first.parameters:
            weights, slopes = (flat[:, start : start + one.numel()] for flat in (self.memory[0], self.slope))
            shape = len(self.each), *one.shape
            found[id(one)], start = (weights.view(shape), slopes.view(shape)), start + one.numel()
        return found

    def lay(self) -> bool:
        """Have the weights and moments of all lie here; whether each may go on by one kernel."""
        laid = [one.lay() for one in self.each]
        return all(laid)

    def leave(self, descent: Descent) -> None:
        """Give the weights and moments of one net memory of their own."""
        next(own for own, one in zip(self.each, self.descents, strict=True) if one is descent).leave()

    def kept(self) -> Kept:
        """A copy of all state; `restore` takes it."""
        return self.memory.clone(), [float(one.counts[0]) for one in self.each]

    def restore(self, kept: Kept) -> None:
        """Take back what `kept` gave."""
        self.memory.copy_(kept[0])
        for own, count in zip(self.each, kept[1], strict=True):
            own.count(count)

    def sound(self) -> bool:
        """No update since the state was sound followed a slope that is not finite, or whose norm overflows."""
        return abs(float(self.memory.sum())) < IMMENSE

    def begin(self, at: Position, count: int) -> None:
        """Look ahead at the rates of so many updates, which the states count as done, and at who goes alike."""
        alike: dict[object, list[int]] = {}
        rates = [[share * one.peaks[0] for share in one.shares(at, count)] for one in self.descents]
        for number, (own, rate) in enumerate(zip(self.each, rates, strict=True)):
            usual = {name: value for name, value in own.group.items() if name not in ("params", "lr")}
            alike.setdefault((str(usual), float(own.counts[0]), tuple(rate)), []).append(number)
            own.group["lr"] = rate[-1]
        counts = [one.moments(count) for one in self.each]
        self.alike = [self._alike(some, rates[some[0]], counts[some[0]]) for some in alike.values()]

    def clip(self) -> None:
        """Shorten each net's slope to the norm that its settings ask for."""
        if self.clips is not None:
            norms = torch.linalg.vector_norm(self.slope, dim=1)
            self.slope.mul_((self.clips / (norms + 1e-12)).clamp(max=1.0).unsqueeze(1))

    def update(self, index: int) -> None:
        """The update of that number since `begin`, of each net along its slope."""
        for own in self.alike:
            updated(own.group, own.rates[index], own.tensors, own.counts[index])

    def _alike(self, numbers: Sequence[int], rates: Sequence[float], counts: Sequence[Tensor]) -> "_Alike":
        """Nets that one kernel updates: as one tensor where these are all of them."""
        flat = [self.memory[0], self.slope, self.memory[1], self.memory[2]]
        whole = len(numbers) == len(self.each)
        tensors = [[one.view(-1)] if whole else [one[i] for i in numbers] for one in flat]
        return _Alike(self.each[numbers[0]].group, rates, tensors, [[one] * len(tensors[0]) for one in counts])


def _laid(optimizer: object, memory: Tensor, slope: Tensor) -> FlatAdam:
    assert isinstance(optimizer, optim.Adam | FusedAdam)
    return FlatAdam(optimizer, (memory, slope))
