"""Erasing: a rectangle of each image is blotted out, so that no single spot decides.

`erase` takes a square of a given side (Cutout), `random-erasing` a rectangle of random area and shape. Both place it wholly
within the image; Cutout's paper lets it stick out, which makes some squares smaller.
"""

import math
from abc import abstractmethod
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import Augmentation, chosen, spread
from thalweg.data.augment._rectangle import rectangles
from thalweg.data.batch import Batch

Blot = Literal["zero", "mean", "noise"]


class ErasingSettings(Settings):
    """What stands where something was erased, and how often."""

    blot: Blot = Field("zero", description="what stands there afterwards: zeros, the image's mean colour, or noise")
    probability: float = Field(1.0, ge=0, le=1, description="share of the images that lose a part")


class _Erasing(Augmentation):
    """Blots out one rectangle of each image."""

    settings: ErasingSettings

    @abstractmethod
    def sides(self, batch: Batch, at: Position, size: tuple[int, int]) -> Tensor:
        """Height and width (B, 2) of each row's rectangle, whole pixels within the image."""

    def augmented(self, batch: Batch, at: Position) -> Batch:
        erased = chosen(at, batch, self.settings.probability)[:, None]
        return batch.having({name: self._erased(batch, at, name, erased) for name in self.names})

    def _erased(self, batch: Batch, at: Position, name: str, erased: Tensor) -> Tensor:
        images = batch[name]
        size = (images.shape[2], images.shape[3])
        inside = rectangles(at, batch, self.sides(batch, at, size) * erased, size=size)
        return torch.where(inside, _blotted(batch, at, name, self.settings.blot), images)


class EraseSettings(ErasingSettings):
    """The square that is erased."""

    pixels: int = Field(8, ge=0, le=4096, description="side of the square")


VARIANTS = {"cutout": EraseSettings(pixels=16)}


@augmentation(
    "erase", settings=EraseSettings, variants=VARIANTS, kinds=("image",), paper="DeVries and Taylor 2017, arXiv:1708.04552"
)
class Erase(_Erasing):
    """A square of each image is blotted out; one longer than the image erases all of that side."""

    settings: EraseSettings

    def sides(self, batch: Batch, at: Position, size: tuple[int, int]) -> Tensor:
        sides = torch.tensor(size, device=batch.device).clamp_(max=self.settings.pixels)
        return sides.expand(batch.size, 2)

    @classmethod
    def example(cls) -> EraseSettings:
        return EraseSettings(pixels=4)


class RandomErasingSettings(ErasingSettings):
    """The rectangle that is erased."""

    least: float = Field(0.02, ge=0, le=1, description="least share of the image's area")
    most: float = Field(0.33, ge=0, le=1, description="greatest share of the image's area")
    aspect: float = Field(0.3, gt=0, le=1, description="greatest stretch: height to width from this to its inverse")
    blot: Blot = Field("noise", description="what stands there afterwards: zeros, the image's mean colour, or noise")
    probability: float = Field(0.5, ge=0, le=1, description="share of the images that lose a part")


@augmentation("random-erasing", settings=RandomErasingSettings, kinds=("image",), paper="Zhong et al. 2017, arXiv:1708.04896")
class RandomErasing(_Erasing):
    """A rectangle of each image, of random area, shape and place, is blotted out; longer than a side, it is cut to it."""

    settings: RandomErasingSettings

    def sides(self, batch: Batch, at: Position, size: tuple[int, int]) -> Tensor:
        given, bound = self.settings, -math.log(self.settings.aspect)
        area = spread(at, "area", batch, low=given.least, high=given.most) * (size[0] * size[1])
        stretch = spread(at, "stretch", batch, low=-bound, high=bound).div_(2).exp_()
        sides = area.sqrt()[:, None] * torch.stack([stretch, 1 / stretch], dim=1)
        return torch.minimum(sides.round().long(), torch.tensor(size, device=batch.device))

    @classmethod
    def example(cls) -> RandomErasingSettings:
        return RandomErasingSettings()


def _blotted(batch: Batch, at: Position, name: str, blot: Blot) -> Tensor:
    """What stands in the erased part of an image field: broadcasts to (B, C, H, W)."""
    images = batch[name]
    if blot == "mean":
        return images.mean(dim=(2, 3), keepdim=True)
    return at.uniform(f"noise {name}", batch, *images.shape[1:]) if blot == "noise" else images.new_zeros(())
