"""Units on a grid, each with a code: what a map shows of itself.

Letters: R rows, C columns, D values of a code.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class OnGrid(ABC):
    """A model whose units stand on a grid, neighbours for similar inputs."""

    @abstractmethod
    def grid(self) -> Tensor:
        """The code of each unit, at its place (R, C, D)."""


def apart(grid: Tensor) -> Tensor:
    """How far each unit's code lies from those above, below and beside it on average (R, C): high between clusters.

    Args:
        grid: codes (R, C, D).

    Reference: Ultsch and Siemon 1990 (the U-matrix).
    """
    total, count = grid.new_zeros(grid.shape[:2]), grid.new_zeros(grid.shape[:2])
    for axis in (0, 1):
        steps = torch.diff(grid, dim=axis).norm(dim=2)  # between one unit and the next
        for begin in (0, 1):
            total.narrow(axis, begin, steps.shape[axis]).add_(steps)
            count.narrow(axis, begin, steps.shape[axis]).add_(1)
    return total / count.clamp(min=1)
