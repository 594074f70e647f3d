"""Adam over one flat tensor: weights and moments lie one after the other, what the rule holds are views of them.

Reference: Kingma & Ba 2015, arXiv:1412.6980; Loshchilov & Hutter 2019, arXiv:1711.05101 (decoupled decay).

Letters: N numbers of all parameters together, P parameters.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn, optim

from thalweg.optimizers._fused_adam import FusedAdam

IMMENSE = 1e30
"""Sums of weights and moments beyond which a step is not taken here: long before it, squares of slopes overflow."""


class FlatAdam:
    """Adam or AdamW, as one kernel over all parameters.

    Args:
        memory: (3, N) and (N,), where weights, moments and slope are to lie; None: in memory of its own.

    Attributes:
        memory: (3, N) weights, running averages of slopes, and of their squares.
        slope: (N,) what the next update follows.
    """

    def __init__(self, optimizer: optim.Adam | FusedAdam, memory: tuple[Tensor, Tensor] | None = None) -> None:
        (self.group,) = optimizer.param_groups
        self.optimizer = optimizer
        self.parameters: list[nn.Parameter] = self.group["params"]
        like, sizes = self.parameters[0], [one.numel() for one in self.parameters]
        own = torch.zeros(3, sum(sizes), dtype=like.dtype), torch.zeros(sum(sizes), dtype=like.dtype)
        self.memory, self.slope = own if memory is None else memory
        self.weights, self.averages, self.squares = map(self._cut, self.memory)
        self.slopes = self._cut(self.slope)
        self.tensors = [self.memory[0]], [self.slope], [self.memory[1]], [self.memory[2]]
        self.counts = list(torch.zeros(len(sizes)).unbind())

    @staticmethod
    def fits(optimizer: object) -> TypeGuard[optim.Adam | FusedAdam]:
        """It is Adam or AdamW as a run has it: all parameters alike, of one type, on the CPU."""
        if type(optimizer) not in (optim.Adam, optim.AdamW, FusedAdam):
            return False
        assert isinstance(optimizer, optim.Adam | FusedAdam)
        if len(optimizer.param_groups) != 1:
            return False
        group = optimizer.param_groups[0]
        types = {(one.device.type, one.dtype) for one in group["params"]}
        known = types in ({("cpu", torch.float32)}, {("cpu", torch.float64)})
        return known and not (group.get("amsgrad") or group.get("maximize"))

    def _cut(self, flat: Tensor) -> list[Tensor]:
        """Views of flat memory (N,), one in the shape of each parameter."""
        pieces = flat.split([one.numel() for one in self.parameters])
        return [piece.view(one.shape) for piece, one in zip(pieces, self.parameters, strict=True)]

    def views(self, slope: Tensor | None = None, weights: Tensor | None = None) -> dict[int, tuple[Tensor, Tensor]]:
        """By the `id` of each parameter: where it lies, and where its slope belongs.

        Args:
            slope: (N,) memory for slopes that are added to `slope` later; None: that itself.
            weights: (N,) a copy of all weights, as of another type; None: the weights themselves.
        """
        slopes = self.slopes if slope is None else self._cut(slope)
        mine = self.weights if weights is None else self._cut(weights)
        return {id(one): pair for one, pair in zip(self.parameters, zip(mine, slopes, strict=True), strict=True)}

    def lay(self) -> bool:
        """Have weights and moments lie here, where something else has put others in their place.

        Returns:
            Whether all parameters have taken the same number of updates, so that one kernel may go on.
        """
        places = zip(self.parameters, self.weights, self.averages, self.squares, self.counts, strict=True)
        for parameter, weight, average, square, count in places:
            if parameter.data_ptr() != weight.data_ptr():
                weight.copy_(parameter.detach())
                parameter.data = weight
            held: dict[str, Any] = self.optimizer.state.get(parameter, {})
            if held.get("exp_avg") is not average or held.get("exp_avg_sq") is not square or held.get("step") is not count:
                for mine, name in ((average, "exp_avg"), (square, "exp_avg_sq"), (count, "step")):
                    mine.copy_(held[name]) if held else mine.zero_()
                self.optimizer.state[parameter] = {"step": count, "exp_avg": average, "exp_avg_sq": square}
        return len({float(count) for count in self.counts}) == 1

    def leave(self) -> None:
        """Have weights and moments lie in memory of their own, so that what they lay in can go."""
        for parameter in self.parameters:
            parameter.data = parameter.data.clone()
            self.optimizer.state[parameter] = {key: one.clone() for key, one in self.optimizer.state[parameter].items()}

    def kept(self) -> tuple[Tensor, float]:
        """A copy of all state; `restore` takes it."""
        return self.memory.clone(), float(self.counts[0])

    def restore(self, kept: tuple[Tensor, float]) -> None:
        """Take back what `kept` gave."""
        self.memory.copy_(kept[0])
        self.count(kept[1])

    def count(self, steps: float) -> None:
        """Count so many updates as done."""
        for count in self.counts:
            count.fill_(steps)

    def sound(self) -> bool:
        """No update since the state was sound followed a slope that is not finite, or whose norm overflows."""
        return abs(float(self.memory.sum())) < IMMENSE

    def moments(self, steps: int) -> Sequence[Tensor]:
        """What the next updates are counted as, from 1 on; the state counts them as done."""
        done = float(self.counts[0])
        self.count(done + steps)
        return (torch.arange(1, steps + 1) + done).unbind()

    def clip(self, largest: float) -> None:
        """Shorten `slope` to a norm."""
        norm = torch.linalg.vector_norm(self.slope)
        self.slope.mul_((largest / (norm + 1e-12)).clamp(max=1.0))

    def pieces(self, count: int) -> list[Sequence[list[Tensor]]]:
        """Weights, slopes and moments cut into so many, for `update`."""
        weights, averages, squares = (one.chunk(count) for one in self.memory)
        each = zip(weights, self.slope.chunk(count), averages, squares, strict=True)
        return [[[one] for one in piece] for piece in each]

    def update(self, rate: float, count: Tensor, piece: Sequence[list[Tensor]] | None = None) -> None:
        """One update along `slope`, or that of a piece."""
        updated(self.group, rate, piece or self.tensors, [count])


def updated(group: Mapping[str, Any], rate: float, tensors: Sequence[list[Tensor]], counts: list[Tensor]) -> None:
    """One update by torch's kernel, in place.

    Args:
        group: betas, epsilon, decay of weights and whether that is decoupled.
        tensors: weights, slopes, running averages of these and of their squares.
        counts: what the update is counted as, for each weight tensor.
    """
    fused = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
    weights, slopes, averages, squares = tensors
    fused(
        weights,
        slopes,
        averages,
        squares,
        [],
        counts,
        amsgrad=False,
        lr=rate,
        beta1=group["betas"][0],
        beta2=group["betas"][1],
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        maximize=False,
    )
