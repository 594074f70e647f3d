"""Motions of the image plane, a different one for each row: exact ones by index, smooth ones by bilinear sampling.

Pixel i spans i to i + 1, so that an image's edges lie at 0 and W (or H); boxes and points are places on that scale.
Axes: B batch, C channels, H height, W width, L places.
"""

from abc import ABC, abstractmethod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Fill = Literal["zero", "edge", "reflect"]
"""What comes in from outside: zeros, the edge's pixels, or the image mirrored at its edge."""

_PADDING = {"zero": "zeros", "edge": "border", "reflect": "reflection"}


class Geometry(ABC):
    """A motion of the plane of images of one size.

    Attributes:
        size: height and width, before and after.
        forward: (B, 2, 3) where places (x, y, 1) go.
    """

    def __init__(self, size: tuple[int, int], forward: Tensor) -> None:
        self.size, self.forward = size, forward

    @abstractmethod
    def pixels(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W), moved."""

    @abstractmethod
    def labels(self, masks: Tensor) -> Tensor:
        """Masks (B, H, W) of any type, moved; each pixel keeps one of the values that there were."""

    def points(self, places: Tensor) -> Tensor:
        """Places (B, L, 2) as x and y, moved."""
        return torch.baddbmm(self.forward[:, None, :, 2], places, self.forward[:, :, :2].mT)


class Gathering(Geometry):
    """A motion whose rows and columns of pixels each come from one row and column: flips and whole shifts, exact.

    Args:
        rows: (B, H) the row that each row comes from, perhaps outside the image; None: they stay (not both).
        columns: (B, W) likewise.
        fill: what comes in from outside.
    """

    def __init__(
        self, size: tuple[int, int], forward: Tensor, *, rows: Tensor | None, columns: Tensor | None, fill: Fill = "zero"
    ) -> None:
        super().__init__(size, forward)
        assert rows is not None or columns is not None, "nothing moves"
        self.rows, self.columns, self.fill = rows, columns, fill

    def pixels(self, images: Tensor) -> Tensor:
        moved = images
        if self.rows is not None:
            moved = _rows_taken(moved, _folded(self.rows, self.size[0], self.fill))
        if self.columns is not None:
            index = _folded(self.columns, self.size[1], self.fill)
            moved = moved.gather(3, index[:, None, None].expand(-1, moved.shape[1], moved.shape[2], -1))
        return (
            moved.mul_(self._inside(images.dtype)) if self.fill == "zero" else moved
        )  # a copy by now: nothing given is changed

    def labels(self, masks: Tensor) -> Tensor:
        return self.pixels(masks[:, None])[:, 0]

    def _inside(self, dtype: torch.dtype) -> Tensor:
        """One where a pixel comes from inside the image, zero elsewhere (B, 1, H, W), its broadcast axes of length 1."""
        inside = torch.ones(1, 1, 1, 1, dtype=dtype, device=self.forward.device)
        if self.rows is not None:
            inside = inside * _within(self.rows, self.size[0])[:, None, :, None]
        if self.columns is not None:
            inside = inside * _within(self.columns, self.size[1])[:, None, None, :]
        return inside


class Warp(Geometry):
    """An affine motion, sampled bilinearly (masks: the nearest pixel)."""

    def __init__(self, size: tuple[int, int], forward: Tensor, *, fill: Fill = "zero") -> None:
        super().__init__(size, forward)
        self.padding = _PADDING[fill]
        self.grid = _grid(size, _inverted(forward))

    def pixels(self, images: Tensor) -> Tensor:
        return F.grid_sample(images, self.grid.to(images.dtype), padding_mode=self.padding, align_corners=False)

    def labels(self, masks: Tensor) -> Tensor:
        values = masks[:, None].to(self.grid.dtype)
        moved = F.grid_sample(values, self.grid, mode="nearest", padding_mode=self.padding, align_corners=False)
        return moved[:, 0].to(masks.dtype)


def about_centre(size: tuple[int, int], matrix: Tensor, shift: Tensor) -> Tensor:
    """The motion (B, 2, 3) that applies a matrix (B, 2, 2) about the image's centre and then shifts by (B, 2) pixels."""
    centre = matrix.new_tensor([size[1] / 2, size[0] / 2])
    offset = centre + shift - matrix @ centre  # (B, 2)
    return torch.cat([matrix, offset[:, :, None]], dim=2)


def along_axes(scale: Tensor, offset: Tensor) -> Tensor:
    """The motion (B, 2, 3) that scales x and y by (B, 2) and then shifts them by (B, 2) pixels."""
    return torch.cat([torch.diag_embed(scale), offset[:, :, None]], dim=2)


def _rows_taken(images: Tensor, rows: Tensor) -> Tensor:
    """Images (B, C, H, W) with each row of pixels copied whole from the row (B, H) that it comes from."""
    B, C, H, W = images.shape
    first = torch.arange(B * C, device=images.device).view(B, C, 1) * H
    return images.reshape(B * C * H, W).index_select(0, (first + rows[:, None]).flatten()).view(B, C, H, W)


def _folded(index: Tensor, length: int, fill: Fill) -> Tensor:
    """Indices brought into 0 .. length - 1: mirrored at the edges, or the nearest."""
    if fill == "reflect":
        around = index.remainder(2 * length)
        return torch.minimum(around, 2 * length - 1 - around)
    return index.clamp(0, length - 1)


def _within(index: Tensor, length: int) -> Tensor:
    return (index >= 0) & (index < length)


def _inverted(forward: Tensor) -> Tensor:
    """Where places come from (B, 2, 3), of where they go; two-by-two inverses written out cost a tenth of a solver's."""
    a, b, c, d = forward[:, :, :2].flatten(1).unbind(1)
    determinant = (a * d - b * c)[:, None]
    inverse = (torch.stack([d, -b, -c, a], dim=1) / determinant).view(-1, 2, 2)
    return torch.cat([inverse, -inverse @ forward[:, :, 2:]], dim=2)


def _grid(size: tuple[int, int], backward: Tensor) -> Tensor:
    """Where each pixel comes from (B, H, W, 2), on the scale of -1 to 1 between the image's edges.

    One broadcast sum: `affine_grid`, a batch of thin products, takes eight times as long on a CPU.
    """
    height, width = size
    sides = backward.new_tensor([width, height])[:, None]  # (2, 1)
    along = backward * (2 / sides)  # (B, 2, 3)
    x = torch.arange(width, device=backward.device) + 0.5
    y = torch.arange(height, device=backward.device) + 0.5
    columns = along[:, :, :1] * x  # (B, 2, W)
    rows = along[:, :, 1:2] * y + (along[:, :, 2:] - 1)  # (B, 2, H)
    return (rows[:, :, :, None] + columns[:, :, None, :]).permute(0, 2, 3, 1)
