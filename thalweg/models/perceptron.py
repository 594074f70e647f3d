"""The multilayer perceptron: dense layers over all inputs side by side.

Reference: Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0.

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


class PerceptronSettings(Settings):
    """Widths and what lies between the layers."""

    hidden: tuple[Count, ...] = Field((128, 64), description="units of each hidden layer")
    activation: str = "relu"
    normalisation: Literal["none", "batch", "layer", "rms"] = "none"
    dropout: float = Field(0.0, ge=0, lt=1)


@model(
    "mlp",
    settings=PerceptronSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("numbers", "categories", "vector", "series", "image"),
    capturable=True,
    paper="Rumelhart et al. 1986, doi:10.1038/323533a0",
)
class MultilayerPerceptron(nn.Module):
    """Inputs side by side, hidden layers, one linear layer out."""

    def __init__(self, ports: Ports, settings: PerceptronSettings) -> None:
        super().__init__()
        self.joined = Joined(ports.inputs)
        self.hidden = LinearStack(
            self.joined.width,
            settings.hidden,
            activation=settings.activation,
            normalisation=settings.normalisation,
            dropout_probability=settings.dropout,
        )
        self.head = nn.Linear(self.hidden.width, ports.output.width)

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, last hidden width)."""
        features: Tensor = self.hidden(self.joined(inputs))
        return features

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port)."""
        answer: Tensor = self.head(self.features(**inputs))
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, PerceptronSettings]:
        """The smallest instance, for the contracts."""
        ports = Ports((Port("numbers", "numbers", (4,)),), (Port("class", "category", (), size=3),))
        return ports, PerceptronSettings(hidden=(8,))

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch of eight that the tiny instance can learn."""
        numbers = torch.randn(8, 4, generator=generator)
        return {"numbers": numbers, "class": numbers[:, :3].argmax(1)}
