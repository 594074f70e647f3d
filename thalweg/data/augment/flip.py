"""Flips: the image mirrored left to right, or top to bottom."""

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import chosen
from thalweg.data.augment._geometry import Gathering, Geometry, along_axes
from thalweg.data.augment._moving import Moving
from thalweg.data.batch import Batch


class FlipSettings(Settings):
    """How often a row is flipped."""

    probability: float = Field(0.5, ge=0, le=1, description="share of the images that are flipped")


@augmentation("flip", settings=FlipSettings, kinds=("image",))
class Flip(Moving):
    """Left and right change places. Key points keep their order: a left hand stays the left one in name."""

    settings: FlipSettings

    def geometry(self, batch: Batch, at: Position, size: tuple[int, int]) -> Geometry:
        return _mirror(chosen(at, batch, self.settings.probability), size, axis=1)

    @classmethod
    def example(cls) -> FlipSettings:
        return FlipSettings(probability=0.5)


@augmentation("vertical-flip", settings=FlipSettings, kinds=("image",))
class VerticalFlip(Flip):
    """Top and bottom change places: for images without an upright, such as those from above or through a microscope."""

    def geometry(self, batch: Batch, at: Position, size: tuple[int, int]) -> Geometry:
        return _mirror(chosen(at, batch, self.settings.probability), size, axis=0)


def _mirror(flipped: Tensor, size: tuple[int, int], *, axis: int) -> Geometry:
    """The motion that mirrors the flipped rows (B,) along an axis of the image: 0 its height, 1 its width."""
    index = torch.arange(size[axis], device=flipped.device)
    source = torch.where(flipped[:, None], size[axis] - 1 - index, index)  # (B, H or W)
    turned = torch.zeros(len(flipped), 2, device=flipped.device)
    turned[:, 1 - axis] = flipped.float()  # places are x and y, axes height and width
    rows, columns = (source, None) if axis == 0 else (None, source)
    forward = along_axes(1 - 2 * turned, turned * size[axis])
    return Gathering(size, forward, rows=rows, columns=columns, fill="edge")
