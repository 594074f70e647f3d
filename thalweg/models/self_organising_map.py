"""The self-organising map: codes on a grid, of which neighbours stand for similar inputs.

Reference: Kohonen 1982, doi:10.1007/BF00337288.

Letters: B batch, D values of an input, K units.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.distances import squared_distances
from thalweg.layers.joined import Joined
from thalweg.layers.on_grid import OnGrid


class MapSettings(Settings):
    """The size of the grid."""

    rows: int = Field(8, ge=1, le=1024)
    columns: int = Field(8, ge=2, le=1024)


@model(
    "map",
    settings=MapSettings,
    tasks=("quantisation",),
    inputs=("numbers", "categories", "vector", "series", "image"),
    rule="competitive",
    paper="Kohonen 1982, doi:10.1007/BF00337288",
)
class Map(nn.Module, OnGrid):
    """A code (D,) for each unit of a grid."""

    places: Tensor

    def __init__(self, ports: Ports, settings: MapSettings) -> None:
        super().__init__()
        self.joined = Joined(ports.inputs)
        self.shape = (settings.rows, settings.columns)
        self.codes = nn.Parameter(0.1 * torch.randn(settings.rows * settings.columns, self.joined.width))
        places = torch.cartesian_prod(torch.arange(settings.rows), torch.arange(settings.columns))
        self.register_buffer("places", places.float(), persistent=False)  # (K, 2)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to squared distances from each code (B, rows, columns)."""
        return squared_distances(self.joined(inputs), self.codes).unflatten(1, self.shape)

    def grid(self) -> Tensor:
        return self.codes.unflatten(0, self.shape)

    @staticmethod
    def tiny() -> tuple[Ports, MapSettings]:
        """The smallest instance, for the contracts."""
        return Ports((Port("numbers", "numbers", (4,)),), ()), MapSettings(rows=2, columns=3)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch of eight in two heaps."""
        heap = torch.arange(8) % 2
        return {"numbers": 4.0 * heap[:, None] + 0.1 * torch.randn(8, 4, generator=generator)}
