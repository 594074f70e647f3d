"""A generator of dense layers: noise, and a class where there is one, become an example.

Reference: Goodfellow et al. 2014, arXiv:1406.2661, section 5.

Letters: B batch.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.joined import Joined
from thalweg.layers.linear_stack import LinearStack


class GeneratorSettings(Settings):
    """Widths and what lies between the layers."""

    hidden: tuple[Count, ...] = Field((128, 256), description="units of each hidden layer")
    activation: str = "leaky-relu"
    normalisation: Literal["none", "batch", "layer", "rms"] = "none"


@model(
    "mlp-generator",
    settings=GeneratorSettings,
    tasks=("conditional-synthesis",),
    inputs=("noise", "category"),
    learns={"energy-distance": 0.1},
    paper="Goodfellow et al. 2014, arXiv:1406.2661",
)
class Generator(nn.Module):
    """Inputs side by side, hidden layers, one linear layer out, in the shape of an example."""

    def __init__(self, ports: Ports, settings: GeneratorSettings) -> None:
        super().__init__()
        self.joined = Joined(ports.inputs)
        self.hidden = LinearStack(
            self.joined.width, settings.hidden, activation=settings.activation, normalisation=settings.normalisation
        )
        self.head = nn.Linear(self.hidden.width, ports.output.width)
        self.shape = ports.output.shape

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to examples (B, *shape of the output port)."""
        made: Tensor = self.head(self.hidden(self.joined(inputs)))
        return made.unflatten(1, self.shape)

    @staticmethod
    def tiny() -> tuple[Ports, GeneratorSettings]:
        """The smallest instance, for the contracts."""
        inputs = (Port("noise", "noise", (4,), drawn=True), Port("label", "category", (), size=3))
        return Ports(inputs, (Port("vector", "vector", (5,)),)), GeneratorSettings(hidden=(8,))

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Sixty rows: a class is where its vector has a two; all its numbers rise and fall together."""
        classes, level = torch.arange(60) % 3, torch.randn(60, 1, generator=generator)
        vector = 2.0 * nn.functional.one_hot(classes, 5) + level
        return {"noise": torch.randn(60, 4, generator=generator), "label": classes, "vector": vector}
