"""A trunk of convolutions over pictures of any size, halved in between until few places are left.

What small nets for pictures, and the encoder of pictures in tables, share. Photos, which are larger than what a small net has
time for, are halved by the first convolution already (as in the stem of He et al. 2016, arXiv:1512.03385).

Letters: B batch, C channels, H W sides.
"""

from collections.abc import Sequence
from typing import NamedTuple

from torch import nn

from thalweg.layers.build import build_activation, build_normalisation

SMALLEST = 4
"""Maps are not halved below this side."""
PHOTO = 64
"""Pictures with sides above this are halved by the first convolution, which is 4 wide: at full size the first two take most
of the time."""


class Step(NamedTuple):
    """What follows each convolution, and how many come between halvings."""

    normalisation: str = "batch"
    activation: str = "relu"
    run: int = 1


def halvings(sides: Sequence[int]) -> int:
    """How often maps of such pictures can be halved by maxima until a side would be below the smallest."""
    return max(0, min(begun(sides)).bit_length() - SMALLEST.bit_length())


def begun(sides: Sequence[int]) -> list[int]:
    """The sides (H, W) of the maps of the first convolution."""
    return [side // 2 if min(sides) > PHOTO else side for side in sides]


def picture_trunk(shape: Sequence[int], maps: Sequence[int], step: Step) -> tuple[nn.Sequential, list[int]]:
    """(B, C, H, W) to the last maps, and their sides, which are 4 to 7 where there are enough convolutions.

    Args:
        shape: C, H and W.
        maps: of each convolution.
    """
    channels, *whole = shape
    sides, layers = begun(whole), list[nn.Module]()
    for index, made in enumerate(maps):
        kernel, stride = (4, 2) if not index and sides != list(whole) else (3, 1)
        layers += [nn.Conv2d(channels, made, kernel, stride=stride, padding=1, bias=step.normalisation == "none")]
        layers += [build_normalisation(step.normalisation, made, dims=2), build_activation(step.activation)]
        if index % step.run == step.run - 1 and min(sides) >= 2 * SMALLEST:
            layers.append(nn.MaxPool2d(2))
            sides = [side // 2 for side in sides]
        channels = made
    return nn.Sequential(*layers), sides
