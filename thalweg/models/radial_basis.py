"""The radial basis function network: each unit answers by how near an input is to its centre; one linear layer reads them.

Reference: Broomhead and Lowe 1988, Complex Systems 2:321-355; Moody and Darken 1989, doi:10.1162/neco.1989.1.2.281.

Letters: B batch, D values of an input, K units.
"""

import math

import torch
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.distances import squared_distances
from thalweg.layers.joined import Joined


class RadialBasisSettings(Settings):
    """How many centres there are, and whether their answers share out one."""

    units: Count = 64
    normalised: bool = False


@model(
    "rbf",
    settings=RadialBasisSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("numbers", "categories", "vector", "series", "image"),
    rule="k-means",
    recipe={"rate": 0.05},
    preference=-1,
    paper="Moody & Darken 1989, doi:10.1162/neco.1989.1.2.281",
)
class RadialBasis(nn.Module):
    """Gaussian units around centres, then one linear layer. Centres and widths are found, not descended upon."""

    centres: Tensor
    widths: Tensor

    def __init__(self, ports: Ports, settings: RadialBasisSettings) -> None:
        super().__init__()
        self.joined = Joined(ports.inputs)
        self.normalised = settings.normalised
        self.register_buffer("centres", torch.randn(settings.units, self.joined.width))  # (K, D)
        self.register_buffer("widths", torch.full((settings.units,), math.sqrt(2 * self.joined.width)))  # (K,)
        self.head = nn.Linear(settings.units, ports.output.width)

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, K): exp(-d²/2σ²) of each unit; of their sum where they are normalised."""
        exponents = -squared_distances(self.joined(inputs), self.centres) / (2 * self.widths.square())
        return exponents.softmax(1) if self.normalised else exponents.exp()

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port)."""
        answer: Tensor = self.head(self.features(**inputs))
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, RadialBasisSettings]:
        """The smallest instance, for the contracts."""
        ports = Ports((Port("numbers", "numbers", (4,)),), (Port("class", "category", (), size=3),))
        return ports, RadialBasisSettings(units=8)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch of eight in three heaps, a class each."""
        heap = torch.arange(8) % 3
        return {"numbers": 2.0 * nn.functional.one_hot(heap, 4) + 0.3 * torch.randn(8, 4, generator=generator), "class": heap}
