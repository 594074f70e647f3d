"""Equations: domains whose examples are points at which an unknown function must satisfy a differential equation."""

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from thalweg.data.dataset import Domain

Function = Callable[[Tensor], Tensor]
"""A function of points (B, d) to values (B, k), each row by itself."""


class Equation(Domain):
    """A differential equation with its conditions, on a domain to draw points from.

    The encodings are one input, the point (its coordinates are the fields), and one target, the value there. Held-out
    examples carry the exact value under the target's name.
    """

    @abstractmethod
    def failures(self, unknown: Function, points: Tensor) -> tuple[Tensor, Tensor]:
        """By how much the unknown fails the equation at points (B, d), and its initial and boundary conditions.

        Returns:
            (B, e) residuals and (c,) conditions, all zero for the solution; with a graph back to the unknown's weights.
        """

    @abstractmethod
    def exact(self, points: Tensor) -> Tensor:
        """The solution at points (B, d): (B, k)."""


def derivatives(function: Function, points: Tensor, *, axis: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """A function's values (B, 1) at points (B, d), and its first and second derivatives along one coordinate, (B, 1) each.

    Differentiated in reverse: on a net of two layers of 24 units, that and the gradient of all three took 1.0 ms, forward
    differentiation twice over 6.8 ms (64 points, one thread).
    """
    points = points.detach().requires_grad_()
    values = function(points)
    first = torch.autograd.grad(values.sum(), points, create_graph=True)[0][:, axis : axis + 1]
    second = torch.autograd.grad(first.sum(), points, create_graph=True)[0][:, axis : axis + 1]
    return values, first, second
