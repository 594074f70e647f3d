"""MobileNetV2: a net for photos of a few million weights, of inverted residual blocks.

Reference: Sandler, Howard, Zhu, Zhmoginov and Chen 2018, arXiv:1801.04381, table 2. Published: 3.4 million parameters at 1,000
classes, 300 million multiplications for a picture of 224 x 224.

Letters: B batch, C channels, H W sides.
"""

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count
from thalweg.fields.ports import Port, Ports
from thalweg.layers.build import build_dropout
from thalweg.layers.inverted_residual import Form, InvertedResidual, normalised_convolution
from thalweg.layers.picture_net import PictureNet, PictureNetSettings

DIVISOR = 8
"""Maps are a multiple of this, at every width."""


class MobileNetSettings(PictureNetSettings):
    """Table 2 of the paper, a row for each stage: expansion t, maps c, blocks n, stride s."""

    expansions: tuple[Count, ...] = Field((1, 6, 6, 6, 6, 6, 6), min_length=1, description="how much wider blocks are within")
    maps: tuple[Count, ...] = Field((16, 24, 32, 64, 96, 160, 320), min_length=1, description="maps of each stage")
    depths: tuple[Count, ...] = Field((1, 2, 3, 4, 3, 3, 1), min_length=1, description="blocks of each stage")
    strides: tuple[Count, ...] = Field((1, 2, 2, 2, 1, 2, 1), min_length=1, description="by how much each stage thins out")
    stem: Count = Field(32, description="maps of the first convolution")
    last: Count = Field(1280, description="features that the output reads")
    width: float = Field(1.0, gt=0, le=8, description="factor of all maps, rounded to multiples of 8")
    activation: str = "relu6"
    normalisation: str = "batch"
    dropout: float = Field(0.2, ge=0, lt=1, description="share of features dropped before the output in training")

    @model_validator(mode="after")
    def _fit_together(self) -> "MobileNetSettings":
        rows = {name: len(getattr(self, name)) for name in ("expansions", "maps", "depths", "strides")}
        if len(set(rows.values())) > 1:
            raise ValueError(", ".join(f"{name} has {count} stages" for name, count in rows.items()) + ": give as many")
        return self


@model(
    "mobilenet-v2",
    settings=MobileNetSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("image",),
    capturable=True,
    rows_independent=True,
    recipe={"optimizer": {"name": "adamw", "weight_decay": 0.05}, "rate": 0.002, "batch_size": 32, "clip": 1.0},
    paper="Sandler et al. 2018, arXiv:1801.04381",
)
class MobileNetV2(PictureNet):
    """Images (B, C, H, W): stem at half the side, inverted residual blocks, a wide layer, mean over places, linear layer."""

    def __init__(self, ports: Ports, settings: MobileNetSettings) -> None:
        super().__init__(mirrored=settings.mirrored)
        channels = int(ports.input("image").shape[0] or 0)
        form = Form(settings.normalisation, settings.activation)
        width = rounded(settings.stem * settings.width)
        self.stem = normalised_convolution(channels, width, form, kernel=3, stride=2)
        blocks = []
        rows = zip(settings.expansions, settings.maps, settings.depths, settings.strides, strict=True)
        for expansion, maps, depth, stride in rows:
            outputs = rounded(maps * settings.width)
            for index in range(depth):
                blocks.append(InvertedResidual(width, outputs, form, expansion=expansion, stride=1 if index else stride))
                width = outputs
        self.blocks = nn.ModuleList(blocks)
        features = rounded(settings.last * max(1.0, settings.width))
        self.last = normalised_convolution(width, features, form)
        self.dropout = build_dropout("plain", settings.dropout)
        self.head = nn.Linear(features, ports.output.width)
        self.apply(_initialised)

    def seen(self, image: Tensor) -> Tensor:
        """Features (B, features)."""
        x = self.stem(image)
        for block in self.blocks:
            x = block(x)
        features: Tensor = self.dropout(self.last(x).mean((2, 3)))
        return features

    @staticmethod
    def tiny() -> tuple[Ports, MobileNetSettings]:
        """The smallest instance, for the contracts."""
        ports = Ports((Port("image", "image", (1, 8, 8)),), (Port("class", "category", (), size=3),))
        rows = {"expansions": (1, 2), "maps": (8, 8), "depths": (1, 2), "strides": (1, 1)}
        return ports, MobileNetSettings(stem=8, last=16, dropout=0.1, **rows)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight pictures, each bright in the columns of its class."""
        code = torch.arange(8) % 3
        image = 0.1 * torch.randn(8, 1, 8, 8, generator=generator)
        image[torch.arange(8), 0, :, 2 * code] += 2.0
        return {"image": image, "class": code}


def rounded(maps: float) -> int:
    """The nearest multiple of 8, not below nine tenths of what was asked for."""
    nearest = max(DIVISOR, int(maps + DIVISOR / 2) // DIVISOR * DIVISOR)
    return nearest + DIVISOR if nearest < 0.9 * maps else nearest


def _initialised(module: nn.Module) -> None:
    """Convolutions as He et al. 2015, arXiv:1502.01852, from torch's own generator, which the caller seeds."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
