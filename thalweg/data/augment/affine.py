"""Rotations and small affine motions: what a hand, a camera or a scanner does to an image."""

import math

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import spread
from thalweg.data.augment._geometry import Fill, Geometry, Warp, about_centre
from thalweg.data.augment._moving import Moving
from thalweg.data.batch import Batch


class RotationSettings(Settings):
    """How far images are rotated."""

    degrees: float = Field(15, ge=0, le=180, description="greatest angle, either way")
    fill: Fill = Field("zero", description="what comes in at the edges")


@augmentation("rotation", settings=RotationSettings, kinds=("image",))
class Rotation(Moving):
    """Each image rotated about its centre."""

    settings: RotationSettings

    def geometry(self, batch: Batch, at: Position, size: tuple[int, int]) -> Geometry:
        matrix = _rotations(_angles(at, batch, self.settings.degrees))
        return Warp(size, about_centre(size, matrix, matrix.new_zeros(batch.size, 2)), fill=self.settings.fill)

    @classmethod
    def example(cls) -> RotationSettings:
        return RotationSettings(degrees=30)


class AffineSettings(Settings):
    """How far images are moved; the defaults suit handwritten digits."""

    degrees: float = Field(11.5, ge=0, le=180, description="greatest angle, either way")
    scale: float = Field(0.12, ge=0, lt=1, description="greatest change of size, as a share: 0.12 is 0.88 to 1.12")
    shear: float = Field(0.15, ge=0, le=2, description="greatest slant: how far x moves for a step along y")
    shift: float = Field(0.1, ge=0, le=1, description="furthest shift along each axis, as a share of the side")
    fill: Fill = Field("zero", description="what comes in at the edges")


@augmentation("affine", settings=AffineSettings, kinds=("image",), paper="Simard et al. 2003, doi:10.1109/ICDAR.2003.1227801")
class Affine(Moving):
    """Each image slanted, scaled and rotated about its centre, then shifted."""

    settings: AffineSettings

    def geometry(self, batch: Batch, at: Position, size: tuple[int, int]) -> Geometry:
        given = self.settings
        scale = spread(at, "scale", batch, low=1 - given.scale, high=1 + given.scale)
        shear = spread(at, "shear", batch, low=-given.shear, high=given.shear)
        matrix = _rotations(_angles(at, batch, given.degrees)) @ _slants(shear) * scale[:, None, None]
        shift = (2 * at.uniform("shift", batch, 2) - 1) * given.shift
        pixels = shift * shift.new_tensor([size[1], size[0]])
        return Warp(size, about_centre(size, matrix, pixels), fill=given.fill)

    @classmethod
    def example(cls) -> AffineSettings:
        return AffineSettings()


def _angles(at: Position, batch: Batch, degrees: float) -> Tensor:
    """An angle in radians (B,) for each row."""
    return spread(at, "angle", batch, low=-math.radians(degrees), high=math.radians(degrees))


def _rotations(angle: Tensor) -> Tensor:
    """Rotations (B, 2, 2) by angles (B,)."""
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)


def _slants(shear: Tensor) -> Tensor:
    """Shears along x (B, 2, 2) by slopes (B,)."""
    one = torch.ones_like(shear)
    return torch.stack([one, shear, torch.zeros_like(one), one], dim=1).view(-1, 2, 2)
