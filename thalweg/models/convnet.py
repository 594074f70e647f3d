"""A small convolutional net for pictures of any size: pairs of 3-wide convolutions, halved in between, one linear layer.

The pattern of VGG (Simonyan and Zisserman 2015, arXiv:1409.1556) with batch normalisation (Ioffe and Szegedy 2015,
arXiv:1502.03167) and no hidden dense layers.

Letters: B batch, C channels.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count
from thalweg.fields.ports import Port, Ports
from thalweg.layers.build import build_dropout
from thalweg.layers.picture_net import PictureNet, PictureNetSettings
from thalweg.layers.picture_trunk import SMALLEST, Step, halvings, picture_trunk


class ConvNetSettings(PictureNetSettings):
    """Widths and what lies between the convolutions."""

    widths: tuple[Count, ...] | None = Field(
        None, min_length=1, description="maps of each convolution; none: from the size of the pictures"
    )
    activation: str = "relu"
    normalisation: str = "batch"
    dropout: float = Field(0.0, ge=0, lt=1, description="share of features dropped before the output in training")


@model(
    "convnet",
    settings=ConvNetSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("image",),
    capturable=True,
    preference=1,
    rows_independent=True,
    recipe={"optimizer": "adamw", "rate": 0.003, "batch_size": 64},
    paper="Simonyan and Zisserman 2015, arXiv:1409.1556",
)
class ConvNet(PictureNet):
    """Images (B, C, H, W): convolution, normalisation, activation; halved after every second one while larger than 7 pixels."""

    def __init__(self, ports: Ports, settings: ConvNetSettings) -> None:
        super().__init__(mirrored=settings.mirrored)
        shape = [int(axis or 0) for axis in ports.input("image").shape]
        widths = settings.widths or chosen_widths(min(shape[1:]))
        self.trunk, sides = picture_trunk(shape, widths, Step(settings.normalisation, settings.activation, run=2))
        self.pool = nn.AdaptiveAvgPool2d(tuple(min(side, SMALLEST) for side in sides))
        self.dropout = build_dropout("plain", settings.dropout)
        width = widths[-1] * min(sides[0], SMALLEST) * min(sides[1], SMALLEST)
        self.head = nn.Linear(width, ports.output.width)

    def seen(self, image: Tensor) -> Tensor:
        """Features (B, width)."""
        features: Tensor = self.dropout(self.pool(self.trunk(image)).flatten(1))
        return features

    @staticmethod
    def tiny() -> tuple[Ports, ConvNetSettings]:
        """The smallest instance, for the contracts."""
        ports = Ports((Port("image", "image", (1, 8, 8)),), (Port("class", "category", (), size=3),))
        return ports, ConvNetSettings(widths=(4, 4))

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight pictures, each bright in the columns of its class."""
        code = torch.arange(8) % 3
        image = 0.1 * torch.randn(8, 1, 8, 8, generator=generator)
        image[torch.arange(8), 0, :, 2 * code] += 2.0
        return {"image": image, "class": code}


def chosen_widths(side: int) -> tuple[int, ...]:
    """Maps of each convolution for pictures of that shorter side: a pair at each size down to 4 to 7 pixels, two at least.

    Pairs double from 32 maps up to 128, from 16 above 32 pixels, where the first pair would take most of the time.
    """
    pairs = max(2, halvings((side, side)) + 1)
    first = 32 if side <= 32 else 16
    return tuple(min(128, first << (index // 2)) for index in range(2 * pairs))
