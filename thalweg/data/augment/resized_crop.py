"""Random resized crops: a rectangle of random size, shape and place, stretched to the size of the whole image."""

import math

import torch
from pydantic import Field

from thalweg.core.position import Position
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import spread
from thalweg.data.augment._geometry import Geometry, Warp, along_axes
from thalweg.data.augment._moving import Moving
from thalweg.data.batch import Batch


class ResizedCropSettings(Settings):
    """How large and how stretched the rectangle is."""

    share: float = Field(0.35, gt=0, le=1, description="least share of the image's area that is kept")
    aspect: float = Field(0.75, gt=0, le=1, description="greatest stretch: width to height from this to its inverse")


@augmentation("resized-crop", settings=ResizedCropSettings, kinds=("image",), paper="Szegedy et al. 2014, arXiv:1409.4842")
class ResizedCrop(Moving):
    """A random rectangle of each image, stretched to the whole.

    Rectangles that would be longer than a side are cut to it (others draw again), so that each row needs one draw.
    """

    settings: ResizedCropSettings

    def geometry(self, batch: Batch, at: Position, size: tuple[int, int]) -> Geometry:
        bound = -math.log(self.settings.aspect)
        area = spread(at, "area", batch, low=self.settings.share, high=1.0)
        stretch = spread(at, "stretch", batch, low=-bound, high=bound).div_(2).exp_()
        sides = (area.sqrt()[:, None] * torch.stack([stretch, 1 / stretch], dim=1)).clamp_(max=1)  # (B, 2), shares
        corner = at.uniform("corner", batch, 2) * (1 - sides)
        pixels = corner.new_tensor([size[1], size[0]])
        return Warp(size, along_axes(1 / sides, -corner * pixels / sides), fill="edge")

    @classmethod
    def example(cls) -> ResizedCropSettings:
        return ResizedCropSettings()
