"""Rectangles in the image plane: what is erased or pasted."""

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.data.batch import Batch


def rectangles(at: Position, batch: Batch, sides: Tensor, *, size: tuple[int, int]) -> Tensor:
    """True inside one rectangle of each image (B, 1, H, W), placed wholly within it, every place equally likely.

    Args:
        sides: (B, 2) height and width in whole pixels, at most those of the image; 0: no rectangle.
        size: height and width of the images.
    """
    limits = sides.new_tensor(size)
    corner = (at.uniform("corner", batch, 2) * (limits - sides + 1)).floor().to(sides.dtype)  # (B, 2): top, left
    rows, columns = (_between(corner[:, i : i + 1], sides[:, i : i + 1], size[i]) for i in range(2))
    return rows[:, None, :, None] & columns[:, None, None, :]


def _between(first: Tensor, length: Tensor, count: int) -> Tensor:
    """Which of `count` indices (B, count) lie in the stretch of a length (B, 1) from a first one (B, 1) on."""
    index = torch.arange(count, device=first.device)
    return (index >= first) & (index < first + length)
