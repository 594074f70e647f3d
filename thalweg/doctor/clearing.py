"""Clearing: whether something clears the gradients between two steps, told by one parameter without reading its values."""

import torch
from torch import Tensor

DENSE, EVERY = 500, 4
"""Steps that are all watched, and of how many later ones one is: what a loop does it does in every step."""


class Clearing:
    """Watches the gradient of the smallest parameter that gets one.

    Attributes:
        compared, stale: steps ahead of which it was watched, and those ahead of which nothing changed it but backward passes.
    """

    def __init__(self) -> None:
        self.compared, self.stale = 0, 0
        self._parameter: Tensor | None = None
        self._noted: tuple[int, int] | None = None
        self._asked, self._cleared = False, False
        self._steps = 0

    def watch(self, optimizer: torch.optim.Optimizer) -> None:
        """Choose the parameter, once there are gradients."""
        every = [one for group in optimizer.param_groups for one in group["params"]]
        with_gradient = [one for one in every if one.requires_grad and one.grad is not None and one.is_leaf]
        if not with_gradient:
            return
        self._parameter = min(with_gradient, key=Tensor.numel)

    def stepped(self) -> None:
        """A step was taken; it may have written into the gradient."""
        if self._parameter is None:
            return
        if self._asked:
            self.compared += 1
            self.stale += not self._cleared
        self._asked = self._cleared = False
        self._steps += 1
        self._noted = _state(self._parameter) if self._steps < DENSE or self._steps % EVERY == 0 else None

    def counted(self) -> tuple[int, int]:
        """Steps compared and stale ones since this was asked last."""
        counts = self.compared, self.stale
        self.compared = self.stale = 0
        return counts

    def turning(self) -> None:
        """A backward pass begins, perhaps of another net."""
        if self._noted is not None and self._parameter is not None:
            now = _state(self._parameter)
            self._cleared |= now != self._noted
            self._noted = now

    def turned(self) -> None:
        """It ended."""
        if self._noted is not None and self._parameter is not None:
            now = _state(self._parameter)
            self._asked |= now != self._noted
            self._noted = now


def _state(parameter: Tensor) -> tuple[int, int]:
    gradient = parameter.grad
    return (0, 0) if gradient is None else (id(gradient), gradient._version)
