"""A velocity field: dense layers over a place and sinusoids of the time.

Letters: B batch, E width of the time's features.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.linear_stack import LinearStack
from thalweg.layers.scalar_features import SinusoidalFeatures


class VelocitySettings(Settings):
    """Widths and what lies between the layers."""

    hidden: tuple[Count, ...] = Field((128, 128, 128), min_length=1, description="units of each hidden layer")
    activation: str = "silu"
    time_width: int = Field(16, ge=4, le=4096, multiple_of=2, description="features of the time")


@model(
    "velocity-field",
    settings=VelocitySettings,
    tasks=("sampling",),
    inputs=("vector", "numbers", "image", "series", "time"),
    recipe={"rate": 0.003, "batch_size": 256},
    paper="Lipman et al. 2023, arXiv:2210.02747",
)
class VelocityField(nn.Module):
    """Place and time to a velocity of the place's shape."""

    def __init__(self, ports: Ports, settings: VelocitySettings) -> None:
        super().__init__()
        self.place, self.time = (port.name for port in ports.inputs)
        self.features = SinusoidalFeatures(settings.time_width, longest=100.0)
        width = ports.inputs[0].width
        self.hidden = LinearStack(width + settings.time_width, settings.hidden, activation=settings.activation)
        self.head = nn.Linear(self.hidden.width, width)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Places (B, ...) and times (B, 1) in [0, 1], by their ports' names, to velocities (B, ...)."""
        place = inputs[self.place]
        time = self.features(100.0 * inputs[self.time][:, 0])  # (B, E): periods from a sixteenth of the way to six times it
        velocity: Tensor = self.head(self.hidden(torch.cat([place.flatten(1), time], 1)))
        return velocity.view_as(place)

    @staticmethod
    def tiny() -> tuple[Ports, VelocitySettings]:
        """The smallest instance, for the contracts."""
        inputs = (Port("moving", "vector", (2,), drawn=True), Port("time", "time", (1,), drawn=True))
        return Ports(inputs, (Port("velocity", "vector", (2,)),)), VelocitySettings(hidden=(32, 32), time_width=4)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Sixty rows: everything moves towards one of two heaps."""
        heap = 6.0 * (torch.arange(60) % 2)[:, None] - 3.0
        towards = heap + 0.3 * torch.randn(60, 2, generator=generator)
        place, time = torch.randn(60, 2, generator=generator), torch.rand(60, 1, generator=generator)
        return {"moving": place, "time": time, "velocity": towards}
