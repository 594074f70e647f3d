"""Fusion: pictures and a table together. Each picture goes through convolutions, the rest through dense layers, then both join.

Late fusion by concatenation, as surveyed by Baltrušaitis, Ahuja and Morency 2019, arXiv:1705.09406, section 6.

Letters: B batch, C channels.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.encoded import Encoded
from thalweg.layers.joined import Joined
from thalweg.layers.linear_stack import LinearStack

WHOLE = {"width": None, "dropout": 0.0}
"""All values of the last maps are read: the dense layers over both mix them."""


class FusionSettings(Settings):
    """Widths of the three parts."""

    maps: tuple[Count, ...] | None = Field(
        None, min_length=1, description="maps of each convolution, halved after each; none: from the size of the pictures"
    )
    table: tuple[Count, ...] = Field((32,), description="units of the dense layers over what is no picture")
    hidden: tuple[Count, ...] = Field((128,), description="units of the dense layers over both")
    activation: str = "relu"
    normalisation: str = "batch"
    dropout: float = Field(0.0, ge=0, lt=1, description="share of joined features dropped in training")


@model(
    "fusion",
    settings=FusionSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("image", "numbers", "categories", "vector"),
    needs=("image",),
    preference=0.5,
    recipe={"rate": 0.004, "batch_size": 64, "optimizer": {"name": "adamw", "weight_decay": 0.02}},
    paper="Baltrušaitis et al. 2019, arXiv:1705.09406",
)
class Fusion(nn.Module):
    """One or more pictures, and any numbers and categories."""

    def __init__(self, ports: Ports, settings: FusionSettings) -> None:
        super().__init__()
        pictures = tuple(port for port in ports.inputs if port.kind == "image")
        form = {"maps": settings.maps, "normalisation": settings.normalisation, "activation": settings.activation, **WHOLE}
        self.pictures = Encoded(pictures, {"image": form})
        self.joined = Joined(tuple(port for port in ports.inputs if port not in pictures))
        self.table = LinearStack(self.joined.width, settings.table if self.joined.ports else (), activation=settings.activation)
        width = self.pictures.width + self.table.width
        self.hidden = LinearStack(width, settings.hidden, activation=settings.activation, dropout_probability=settings.dropout)
        self.head = nn.Linear(self.hidden.width, ports.output.width)

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, last hidden width)."""
        told = [self.table(self.joined(inputs))] if self.joined.ports else []
        features: Tensor = self.hidden(torch.cat([self.pictures(inputs), *told], dim=1))
        return features

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port)."""
        answer: Tensor = self.head(self.features(**inputs))
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, FusionSettings]:
        """The smallest instance, for the contracts."""
        image, numbers = Port("image", "image", (1, 8, 8)), Port("numbers", "numbers", (2,))
        ports = Ports((image, numbers), (Port("class", "category", (), size=3),))
        return ports, FusionSettings(maps=(4,), table=(8,), hidden=(16,))

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight pictures and a table; the class is told by the number where the picture is bright, else it is the third."""
        bright, number = torch.arange(8) % 2, torch.arange(8) // 2 % 2
        image = 0.1 * torch.randn(8, 1, 8, 8, generator=generator) + 2.0 * bright[:, None, None, None]
        numbers = torch.stack([2.0 * number - 1, torch.randn(8, generator=generator)], 1)
        return {"image": image, "numbers": numbers, "class": torch.where(bright > 0, number, 2)}
