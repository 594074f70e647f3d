"""Two interleaved half circles in the plane, with noise: the smallest distribution that is neither one blob nor two.

As `sklearn.datasets.make_moons`, drawn without end.
"""

import math
from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.dataset import Domain
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.vector import Vector
from thalweg.fields.ragged import Ragged


class MoonSettings(Settings):
    """How clean the moons are."""

    noise: float = Field(0.1, ge=0, le=10, description="deviation of the noise on each coordinate")


class Moons(Domain):
    """Points (2,) of either moon, as likely as each other."""

    name = "two-moons"
    notes = ("points of two half circles in the plane, drawn anew at every step",)

    def __init__(self, settings: MoonSettings) -> None:
        self.noise = settings.noise
        scale = {"mean": [0.5, 0.25], "deviation": [0.866, 0.5]}  # of points without noise
        self.encodings = Encodings([Vector("point", ["point"]).restore(scale)])

    def draw(self, generator: torch.Generator, count: int) -> Mapping[str, Tensor | Ragged]:
        angle = math.pi * torch.rand(count, generator=generator)
        lower = torch.rand(count, generator=generator) < 0.5
        x, y = angle.cos(), angle.sin()
        points = torch.stack([torch.where(lower, 1 - x, x), torch.where(lower, 0.5 - y, y)], 1)
        points = points + self.noise * torch.randn(count, 2, generator=generator)
        return {"point": self.encodings["point"].encode([points.double().numpy()])}


@source("two-moons", catalogued=True, settings=MoonSettings, task="sampling", licence="none needed: drawn")
def two_moons(asked: Asked[MoonSettings]) -> Domain:
    """Points of two interleaved half circles, drawn without end."""
    return Moons(asked.settings)
