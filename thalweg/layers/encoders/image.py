"""Pictures as one vector: convolutions, halved in between, a grid of places, then one learned layer that mixes it.

A small trunk, learned with the rest of the net: a table whose rows hold a picture each is rarely large.

Reference: Baltrušaitis, Ahuja & Morency 2019, arXiv:1705.09406, section 6 (fusion of what is seen with what is told).

Letters: B batch, C channels, H W sides, D width.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import encoder
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port
from thalweg.layers.dropped import Dropout
from thalweg.layers.encoded import Encoder
from thalweg.layers.picture_trunk import SMALLEST, Step, halvings, picture_trunk

MAPS = (24, 48, 64, 96)
"""Maps of the first convolutions where nobody says; further ones have as many as the last."""


class ImageSettings(Settings):
    """How pictures are read, and how wide they become."""

    maps: tuple[Count, ...] | None = Field(
        None, min_length=1, description="maps of each convolution, halved after each; none: from the size of the pictures"
    )
    width: Count | None = Field(64, description="numbers that stand for a picture; none: all values of the last maps")
    normalisation: str = Field("batch", description="what follows each convolution, by name")
    activation: str = Field("relu", description="what follows that, by name")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of the last maps' values that is dropped in training")


@encoder("image", settings=ImageSettings, paper="Baltrušaitis et al. 2019, arXiv:1705.09406")
class ImageEncoder(Encoder):
    """Standardised pictures (B, C, H, W) to (B, D)."""

    def __init__(self, port: Port, settings: ImageSettings) -> None:
        super().__init__()
        shape = [int(axis or 0) for axis in port.shape]
        maps = settings.maps or chosen_maps(shape[1:])
        self.trunk, _ = picture_trunk(shape, maps, Step(settings.normalisation, settings.activation))
        self.grid = nn.Sequential(nn.AdaptiveAvgPool2d(SMALLEST), nn.Flatten(), Dropout(settings.dropout))
        found = maps[-1] * SMALLEST**2
        self.width = settings.width or found
        self.mixed = nn.Linear(found, self.width) if settings.width else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, H, W) to (B, D)."""
        vector: Tensor = self.mixed(self.grid(self.trunk(x)))
        return vector

    @staticmethod
    def example(generator: torch.Generator) -> tuple[Port, dict[str, Tensor]]:
        """Eight grey pictures of 8 x 8."""
        return Port("image", "image", (1, 8, 8)), {"image": torch.randn(8, 1, 8, 8, generator=generator)}


def chosen_maps(sides: list[int]) -> tuple[int, ...]:
    """Maps of each convolution for pictures of these sides: one at each size down to 4 to 7 pixels, two at least."""
    count = max(2, halvings(sides) + 1)
    return tuple(MAPS[min(index, len(MAPS) - 1)] for index in range(count))
