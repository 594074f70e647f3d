"""LeNet-5: two convolutions with pooling, two dense layers, one output layer.

Two deviations from the paper, both usual since: rectified linear units for scaled tanh, maximum for trainable mean pooling; the
second convolution sees all maps of the first, not the paper's table of connections.

Reference: LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791, section II.

Letters: B batch.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.build import build_activation, build_dropout


class LeNetSettings(Settings):
    """Widths of the five layers, the paper's by default."""

    maps: tuple[Count, Count] = Field((6, 16), description="maps of the two convolutions")
    hidden: tuple[Count, Count] = Field((120, 84), description="units of the two dense layers")
    activation: str = "relu"
    pooling: Literal["max", "mean"] = "max"
    dropout: float = Field(0.0, ge=0, lt=1, description="share of dense units dropped in training")


@model(
    "lenet5",
    settings=LeNetSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("image",),
    capturable=True,
    preference=-1,
    recipe={"optimizer": {"name": "adamw", "weight_decay": 0.02}, "rate": 0.004, "batch_size": 128},
    paper="LeCun et al. 1998, doi:10.1109/5.726791",
)
class LeNet5(nn.Module):
    """Images (B, channels, H, W) of at least 12 x 12 pixels; 28 x 28 are padded to the paper's 32 x 32."""

    def __init__(self, ports: Ports, settings: LeNetSettings) -> None:
        super().__init__()
        port = ports.input("image")
        channels, height, width = (int(axis or 0) for axis in port.shape)
        first, second = settings.maps
        pool = nn.MaxPool2d if settings.pooling == "max" else nn.AvgPool2d
        self.trunk = nn.Sequential(
            nn.Conv2d(channels, first, 5, padding=2),
            build_activation(settings.activation),
            pool(2),
            nn.Conv2d(first, second, 5),
            build_activation(settings.activation),
            pool(2),
            nn.Flatten(),
        )
        rows, columns = (side // 2 - 4 for side in (height, width))
        flat = second * (rows // 2) * (columns // 2)
        if min(rows, columns) < 2:
            raise _too_small(height, width)
        first_dense, second_dense = settings.hidden
        self.dense = nn.Sequential(*_dense(flat, first_dense, settings), *_dense(first_dense, second_dense, settings))
        self.head = nn.Linear(second_dense, ports.output.width)

    def features(self, image: Tensor) -> Tensor:
        """What the head reads (B, 84)."""
        features: Tensor = self.dense(self.trunk(image))
        return features

    def forward(self, image: Tensor) -> Tensor:
        """Images (B, C, H, W) to the output (B, width of the output port)."""
        answer: Tensor = self.head(self.features(image))
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, LeNetSettings]:
        """The smallest instance, for the contracts."""
        ports = Ports((Port("image", "image", (1, 12, 12)),), (Port("class", "category", (), size=3),))
        return ports, LeNetSettings(maps=(4, 8), hidden=(16, 8))

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight pictures, each bright in the third that is its class."""
        code = torch.arange(8) % 3
        image = 0.1 * torch.randn(8, 1, 12, 12, generator=generator)
        for row, band in enumerate(code.tolist()):
            image[row, :, 4 * band : 4 * band + 4] += 1.0
        return {"image": image, "class": code}


def _dense(inputs: int, outputs: int, settings: LeNetSettings) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), build_activation(settings.activation), build_dropout("plain", settings.dropout)]


def _too_small(height: int, width: int) -> UsageRefusal:
    return UsageRefusal(
        "MODEL_IMAGE_TOO_SMALL",
        f"lenet5 needs pictures of 12 x 12 pixels or more, these have {height} x {width}",
        where="model lenet5",
        why="nothing would be left after its convolutions",
        fix="--image-size 28, or another model: --model convnet",
    )
