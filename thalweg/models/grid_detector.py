"""A one-stage detector: convolutions down to a grid of cells, each of which says whether a thing's centre is in it, and where.

A small form of YOLO (Redmon et al. 2016, arXiv:1506.02640), fully convolutional, for one sort of thing.

Letters: B batch, C channels, R rows and S columns of cells.
"""

from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.build import build_activation, build_normalisation

HALVED = 2
"""Convolutions that halve: a cell is 4 x 4 pixels."""
RARE = -3.0
"""The logit at which cells start: few of them hold a thing (Lin et al. 2017, arXiv:1708.02002, section 3.3)."""


class GridDetectorSettings(Settings):
    """Widths of the convolutions."""

    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (16, 32, 48, 48), min_length=2, description="maps of each convolution, the first two halve"
    )
    activation: str = "relu"
    normalisation: str = "batch"


@model(
    "grid-detector",
    settings=GridDetectorSettings,
    tasks=("detection",),
    inputs=("image",),
    recipe={"rate": 0.01, "batch_size": 32},
    paper="Redmon et al. 2016, arXiv:1506.02640",
)
class GridDetector(nn.Module):
    """Images (B, C, H, W) to cells (B, R, S, 5), each of 4 x 4 pixels."""

    def __init__(self, ports: Ports, settings: GridDetectorSettings) -> None:
        super().__init__()
        self.name = ports.input("image").name
        channels = int(ports.input("image").shape[0] or 0)
        layers: list[nn.Module] = []
        for index, made in enumerate(settings.widths):
            stride = 2 if index < HALVED else 1
            layers += [nn.Conv2d(channels, made, 3, stride=stride, padding=1, bias=settings.normalisation == "none")]
            layers += [build_normalisation(settings.normalisation, made, dims=2), build_activation(settings.activation)]
            channels = made
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Conv2d(channels, ports.output.width, 1)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)
        nn.init.constant_(self.head.bias[:1], RARE)

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, C, R, S)."""
        return cast(Tensor, self.trunk(inputs[self.name]))

    def forward(self, **inputs: Tensor) -> Tensor:
        """(B, R, S, 5): logit of a thing, logits of its centre in the cell, logarithms of its width and height in cells."""
        return cast(Tensor, self.head(self.features(**inputs))).permute(0, 2, 3, 1)

    @staticmethod
    def tiny() -> tuple[Ports, GridDetectorSettings]:
        """The smallest instance, for the contracts."""
        image, cells = Port("image", "image", (1, 8, 8)), Port("cells", "boxes", (None, None, 5))
        return Ports((image,), (cells,)), GridDetectorSettings(widths=(8, 8), normalisation="none")

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight pictures with one bright square of 4 x 4 pixels, or none."""
        corner = torch.randint(0, 5, (8, 2), generator=generator)
        mask = torch.arange(8)[:, None] % 4 > 0
        inside = (torch.arange(8) - corner[:, :, None]).clamp(-1, 4) % 5 < 4  # (B, 2, 8)
        inside &= torch.arange(8) >= corner[:, :, None]
        image = (inside[:, 1, :, None] & inside[:, 0, None, :] & mask[:, :, None]).float()[:, None]
        boxes = torch.cat([corner, corner + 4], 1)[:, None] / 8
        return {"image": image, "boxes": boxes * mask[:, :, None], "boxes_mask": mask}
