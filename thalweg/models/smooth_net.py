"""The smooth net: a perceptron of tanh layers whose derivatives of every order exist, for solving equations.

Reference: Raissi, Perdikaris and Karniadakis 2019, doi:10.1016/j.jcp.2018.10.045.
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


class SmoothNetSettings(Settings):
    """Widths, and the smooth function between layers."""

    hidden: tuple[Count, ...] = Field((32, 32), description="units of each hidden layer")
    activation: Literal["tanh", "sigmoid", "silu", "softplus", "gelu", "mish"] = "tanh"


@model(
    "smooth-net",
    settings=SmoothNetSettings,
    tasks=("differential-equation", "few-shot-regression"),
    inputs=("numbers", "vector"),
    paper="Raissi et al. 2019, doi:10.1016/j.jcp.2018.10.045",
)
class SmoothNet(nn.Module):
    """Inputs side by side, smooth hidden layers, one linear layer out."""

    def __init__(self, ports: Ports, settings: SmoothNetSettings) -> None:
        super().__init__()
        self.joined = Joined(ports.inputs)
        self.hidden = LinearStack(self.joined.width, settings.hidden, activation=settings.activation)
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
    def tiny() -> tuple[Ports, SmoothNetSettings]:
        """The smallest instance, for the contracts."""
        return Ports((Port("t", "numbers", (1,)),), (Port("u", "number", (1,)),)), SmoothNetSettings(hidden=(6,))

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch of eight that the tiny instance can learn."""
        points = torch.rand(8, 1, generator=generator)
        return {"t": points, "u": torch.sin(3 * points)}
