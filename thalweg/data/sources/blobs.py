"""Pictures with a few bright blobs among clutter, drawn without end, and the blobs' boxes: the smallest detection problem."""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.dataset import Domain
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.boxes import Boxes
from thalweg.fields.kinds.image import Image
from thalweg.fields.ragged import Ragged

PLACES = 3
"""Blobs stand in different squares of a lattice of 3 x 3, so that they hardly overlap."""
HALF = (2.0, 4.5)
"""Least and most of half a blob's width and height, in pixels of 32."""
LINES = 4
"""Lines in each picture, as bright as blobs and one pixel wide."""


class BlobsSettings(Settings):
    """Which pictures are drawn."""

    side: int = Field(32, ge=16, le=512, description="pixels of each side")
    most: int = Field(4, ge=0, le=PLACES**2, description="blobs in a picture, none to this equally likely")
    noise: float = Field(20.0, ge=0, le=128, description="deviation of the noise on each pixel, of 255")


class Blobs(Domain):
    """Ellipses of different sizes, lines and noise."""

    def __init__(self, settings: BlobsSettings) -> None:
        self.name, self.settings, side = "blobs", settings, settings.side
        form = {"height": side, "width": side, "channels": 1, "low": 0.0, "high": 255.0}
        image = Image("image", ["image"]).restore({**form, "mean": [0.25], "deviation": [0.25]})
        boxes = Boxes("boxes", ["boxes", "image"], "target").restore({"width": 4, "shares": True, "classes": 0})
        self.encodings = Encodings([image, boxes])
        self.notes = [f"pictures of {side} × {side} pixels with up to {settings.most} bright blobs among lines and noise"]
        self.facts = {"task": "detection", "augment": ["flip", {"shift": {"pixels": 2}}], **settings.model_dump()}

    def draw(self, generator: torch.Generator, count: int) -> Mapping[str, Tensor | Ragged]:
        most, side = max(self.settings.most, 1), self.settings.side
        there = torch.arange(most) < torch.randint(0, self.settings.most + 1, (count, 1), generator=generator)  # (B, most)
        square = torch.rand(count, PLACES**2, generator=generator).argsort(1)[:, :most]
        corner = torch.stack([square % PLACES, square // PLACES], 2)
        jitter = torch.rand(count, most, 2, generator=generator) * 0.3 + 0.35
        centre = (corner + jitter) * (side / PLACES)  # (B, most, 2): x, y
        half = (HALF[0] + (HALF[1] - HALF[0]) * torch.rand(count, most, 2, generator=generator)) * (side / 32)
        boxes = torch.cat([centre - half, centre + half], 2).clamp(0, side)
        shown = _ellipses(side, centre, half) * there[:, :, None, None]
        light = 130 + 90 * torch.rand(count, most + LINES, 1, 1, generator=generator)
        painted = torch.cat([shown, _lines(side, count, generator)], 1) * light
        pictures = painted.amax(1) + 30 + self.settings.noise * torch.randn(count, side, side, generator=generator)
        offsets = torch.cat([torch.zeros(1, dtype=torch.int64), there.sum(1).cumsum(0)])
        return {"image": pictures.clamp(0, 255).to(torch.uint8)[:, None], "boxes": Ragged(boxes[there] / side, offsets)}


def _ellipses(side: int, centre: Tensor, half: Tensor) -> Tensor:
    """(B, n, side, side) 1 inside ellipses about centres (B, n, 2) with half axes (B, n, 2), else 0."""
    pixel = torch.arange(side) + 0.5
    across, down = (((pixel - centre[..., i, None]) / half[..., i, None]).square() for i in (0, 1))  # (B, n, side)
    return (down[..., :, None] + across[..., None, :] <= 1).float()


def _lines(side: int, count: int, generator: torch.Generator) -> Tensor:
    """(B, LINES, side, side) upright and level lines of random length, 1 on them, else 0."""
    place = torch.randint(side, (count, LINES, 1), generator=generator)
    start, stop = torch.randint(side, (count, LINES, 2), generator=generator).sort(2).values.unsqueeze(3).unbind(2)
    pixel = torch.arange(side)
    along, across = (pixel >= start) & (pixel <= stop), pixel == place  # (B, LINES, side)
    level = torch.arange(LINES)[:, None, None] % 2 == 0
    return torch.where(level, across[..., :, None] & along[..., None, :], along[..., :, None] & across[..., None, :]).float()


@source("blobs", catalogued=True, task="detection", settings=BlobsSettings)
def blobs(asked: Asked[BlobsSettings]) -> Blobs:
    """Pictures of bright blobs among clutter, to be found with a box each."""
    return Blobs(asked.settings)
