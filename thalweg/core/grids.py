"""Grids: where on one a unit lies that is counted row by row."""

from collections.abc import Sequence

from torch import Tensor


def unravelled(index: Tensor, shape: Sequence[int]) -> list[Tensor]:
    """The coordinates along each axis of elements that are counted with the last axis running fastest.

    The same as `torch.unravel_index`, which imports sympy at its first call and takes half a second.
    """
    places: list[Tensor] = []
    for length in reversed(shape):
        places.insert(0, index % length)
        index = index.div(length, rounding_mode="floor")
    return places
