"""Shifts by whole pixels, exact. Padding by p pixels and cropping back at random is the same thing, under the name `crop`."""

import torch
from pydantic import Field

from thalweg.core.position import Position
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings
from thalweg.data.augment._geometry import Fill, Gathering, Geometry, along_axes
from thalweg.data.augment._moving import Moving
from thalweg.data.batch import Batch


class ShiftSettings(Settings):
    """How far images are shifted."""

    pixels: int = Field(1, ge=0, le=1024, description="furthest shift along each axis")
    fill: Fill = Field("zero", description="what comes in at the edges")


VARIANTS = {"crop": ShiftSettings(pixels=4)}


@augmentation("shift", settings=ShiftSettings, variants=VARIANTS, kinds=("image",))
class Shift(Moving):
    """Each image shifted by whole pixels, every shift up to `pixels` along each axis equally likely."""

    settings: ShiftSettings

    def geometry(self, batch: Batch, at: Position, size: tuple[int, int]) -> Geometry:
        furthest = self.settings.pixels
        shift = at.integers("shift", batch, 2, below=2 * furthest + 1) - furthest  # (B, 2): x, y
        columns = torch.arange(size[1], device=shift.device) - shift[:, :1]
        rows = torch.arange(size[0], device=shift.device) - shift[:, 1:]
        offset = shift.float()
        return Gathering(size, along_axes(torch.ones_like(offset), offset), rows=rows, columns=columns, fill=self.settings.fill)

    @classmethod
    def example(cls) -> ShiftSettings:
        return ShiftSettings(pixels=2)
