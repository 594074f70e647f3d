"""Residual nets: the CIFAR family of 20 to 1,202 layers, ResNet-18, -34, -50, plain counterparts, a small pre-activation net.

References: He, Zhang, Ren and Sun 2016, arXiv:1512.03385 (section 4.2 for CIFAR: three stages of n blocks, shortcuts of
option A); He et al. 2016, arXiv:1603.05027 (pre-activation). Published counts of parameters: ResNet-20 0.27 M, ResNet-110
1.7 M, ResNet-18 11.69 M, ResNet-50 25.56 M at 1,000 classes.

Letters: B batch, C channels.
"""

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count
from thalweg.fields.ports import Port, Ports
from thalweg.layers.build import build_activation, build_dropout, build_normalisation
from thalweg.layers.picture_net import PictureNet, PictureNetSettings
from thalweg.layers.residual import BottleneckBlock, PreactivatedBlock, ResidualBlock

Block = ResidualBlock | BottleneckBlock | PreactivatedBlock


class ResidualSettings(PictureNetSettings):
    """Depth, width and form of the blocks."""

    depths: tuple[Count, ...] = Field((1, 1, 1), min_length=1, description="blocks of each stage")
    widths: tuple[Count, ...] = Field((32, 64, 128), min_length=1, description="maps of each stage")
    stem: Literal["small", "halved", "large"] = Field(
        "small", description="small: 3 wide; halved: 4 wide, halved once; large: 7 wide, halved twice, for photos"
    )
    preactivated: bool = True
    bottleneck: bool = Field(False, description="blocks narrow first and widen to four times the maps of their stage")
    shortcut: Literal["convolution", "padding", "none"] = Field("convolution", description="none: a plain net")
    activation: str = "relu"
    normalisation: str = "batch"
    zero_last: bool = Field(False, description="every branch begins at zero, so that a deep net begins as a shallow one")
    stochastic_depth: float = Field(0.0, ge=0, lt=1, description="share of branches left out in training")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of features dropped before the output in training")

    @model_validator(mode="after")
    def _fit_together(self) -> "ResidualSettings":
        if len(self.depths) != len(self.widths):
            raise ValueError(f"depths has {len(self.depths)} stages, widths has {len(self.widths)}: give as many")
        if self.preactivated and self.shortcut != "convolution":
            raise ValueError("preactivated blocks have convolution shortcuts only: set preactivated=false")
        if self.bottleneck and (self.preactivated or self.shortcut != "convolution"):
            raise ValueError("bottleneck blocks have convolution shortcuts and no preactivation: set preactivated=false")
        if self.zero_last and self.shortcut == "none":
            raise ValueError("a plain net that begins at zero passes nothing on: zero_last needs a shortcut")
        return self


_CIFAR = {"widths": (16, 32, 64), "preactivated": False}
_PHOTO = {"widths": (64, 128, 256, 512), "preactivated": False, "stem": "large"}

VARIANTS = {
    "resnet20": ResidualSettings(depths=(3, 3, 3), shortcut="padding", **_CIFAR),
    "resnet32": ResidualSettings(depths=(5, 5, 5), shortcut="padding", **_CIFAR),
    "resnet44": ResidualSettings(depths=(7, 7, 7), shortcut="padding", **_CIFAR),
    "resnet56": ResidualSettings(depths=(9, 9, 9), shortcut="padding", **_CIFAR),
    "resnet110": ResidualSettings(depths=(18, 18, 18), shortcut="padding", **_CIFAR),
    "resnet1202": ResidualSettings(depths=(200, 200, 200), shortcut="padding", **_CIFAR),
    "plain20": ResidualSettings(depths=(3, 3, 3), shortcut="none", **_CIFAR),
    "plain110": ResidualSettings(depths=(18, 18, 18), shortcut="none", **_CIFAR),
    "resnet18": ResidualSettings(depths=(2, 2, 2, 2), **_PHOTO),
    "resnet34": ResidualSettings(depths=(3, 4, 6, 3), **_PHOTO),
    "resnet50": ResidualSettings(depths=(3, 4, 6, 3), bottleneck=True, **_PHOTO),
}


@model(
    "residual",
    settings=ResidualSettings,
    variants=VARIANTS,
    tasks=("classification", "regression", "multi-label"),
    inputs=("image",),
    capturable=True,
    recipe={
        "optimizer": {"name": "muon", "rate": 0.05, "rest_rate": 0.003},
        "batch_size": 128,
    },
    paper="He et al. 2016, arXiv:1512.03385 and arXiv:1603.05027",
)
class ResidualNet(PictureNet):
    """Images (B, C, H, W): stem, stages of blocks each at half the side of the one before, mean over places, linear layer."""

    def __init__(self, ports: Ports, settings: ResidualSettings) -> None:
        super().__init__(mirrored=settings.mirrored)
        channels, form, width = ports.input("image").shape[0], settings.normalisation, settings.widths[0]
        self.stem = _stem(int(channels or 0), settings)
        blocks: list[Block] = []
        wider = BottleneckBlock.WIDER if settings.bottleneck else 1
        for stage, (depth, maps) in enumerate(zip(settings.depths, settings.widths, strict=True)):
            for index in range(depth):
                stride = 2 if stage and not index else 1
                blocks.append(_block(width, maps, stride, settings))
                width = maps * wider
        self.blocks = nn.ModuleList(blocks)
        last = (
            [build_normalisation(form, width, dims=2), build_activation(settings.activation)] if settings.preactivated else []
        )
        self.last = nn.Sequential(*last)
        self.dropout = build_dropout("plain", settings.dropout)
        self.head = nn.Linear(width, ports.output.width)
        self.apply(_initialised)
        if settings.zero_last:
            for block in blocks:
                block.begin_as_shortcut()

    def seen(self, image: Tensor) -> Tensor:
        """Features (B, last width)."""
        x = self.stem(image)
        for block in self.blocks:
            x, _ = block(x)
        features: Tensor = self.dropout(self.last(x).mean((2, 3)))
        return features

    @staticmethod
    def tiny() -> tuple[Ports, ResidualSettings]:
        """The smallest instance, for the contracts."""
        ports = Ports((Port("image", "image", (1, 8, 8)),), (Port("class", "category", (), size=3),))
        return ports, ResidualSettings(depths=(1, 1), widths=(4, 8))

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight pictures, each bright in the columns of its class."""
        code = torch.arange(8) % 3
        image = 0.1 * torch.randn(8, 1, 8, 8, generator=generator)
        image[torch.arange(8), 0, :, 2 * code] += 2.0
        return {"image": image, "class": code}


def _stem(channels: int, settings: ResidualSettings) -> nn.Sequential:
    width = settings.widths[0]
    kernel, stride, padding = {"small": (3, 1, 1), "halved": (4, 2, 1), "large": (7, 2, 3)}[settings.stem]
    layers: list[nn.Module] = [nn.Conv2d(channels, width, kernel, stride=stride, padding=padding, bias=False)]
    if not settings.preactivated:
        layers += [build_normalisation(settings.normalisation, width, dims=2), build_activation(settings.activation)]
    if settings.stem == "large":
        layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(*layers)


def _block(inputs: int, outputs: int, stride: int, settings: ResidualSettings) -> Block:
    drop = build_dropout("stochastic-depth", settings.stochastic_depth)
    form, activation = settings.normalisation, settings.activation
    if settings.bottleneck:
        return BottleneckBlock(inputs, outputs, stride=stride, normalisation=form, activation=activation, drop=drop)
    if settings.preactivated:
        return PreactivatedBlock(inputs, outputs, stride=stride, normalisation=form, activation=activation, drop=drop)
    return ResidualBlock(
        inputs, outputs, stride=stride, normalisation=form, activation=activation, shortcut=settings.shortcut, drop=drop
    )


def _initialised(module: nn.Module) -> None:
    """Convolutions as He et al. 2015, arXiv:1502.01852, from torch's own generator, which the caller seeds."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
