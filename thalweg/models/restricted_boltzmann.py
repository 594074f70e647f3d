"""The restricted Boltzmann machine: hidden units that are on or off, visible ones of unit variance, no links within a layer.

Reference: Smolensky 1986 (the machine); Welling, Rosen-Zvi and Hinton 2004 and Hinton 2010, UTML TR 2010-003, section 13.2
(real values; inputs are standardised, so the deviation of a visible unit is 1).

Letters: B batch, V visible and H hidden units.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports


class BoltzmannSettings(Settings):
    """The size of the machine."""

    hidden: int = Field(64, ge=1, le=1 << 20, description="hidden units")


@model(
    "rbm",
    settings=BoltzmannSettings,
    tasks=("reconstruction",),
    inputs=("numbers", "vector", "series", "image"),
    rule="contrastive-divergence",
    learns={"rmse": 0.5},
    paper="Hinton 2002, doi:10.1162/089976602760128018",
)
class RestrictedBoltzmann(nn.Module):
    """Energy |v - b|²/2 - c·h - v·W·h; the answer to an input is what its hidden probabilities expect to see."""

    def __init__(self, ports: Ports, settings: BoltzmannSettings) -> None:
        super().__init__()
        visible = ports.output.width
        self.name, self.shape = ports.output.name, ports.output.shape
        self.weight = nn.Parameter(0.01 * torch.randn(visible, settings.hidden))  # W
        self.visible_bias = nn.Parameter(torch.zeros(visible))  # b
        self.hidden_bias = nn.Parameter(torch.zeros(settings.hidden))  # c

    def hidden(self, visible: Tensor) -> Tensor:
        """(B, H) probabilities that hidden units are on, for values (B, V)."""
        return (visible @ self.weight + self.hidden_bias).sigmoid()

    def visible(self, hidden: Tensor) -> Tensor:
        """(B, V) the mean of the visible units, for hidden states or probabilities (B, H)."""
        return hidden @ self.weight.T + self.visible_bias

    def free_energy(self, visible: Tensor) -> Tensor:
        """(B,) the energy of values (B, V) with the hidden units summed out; low where they are likely."""
        off = 0.5 * (visible - self.visible_bias).square().sum(1)
        return off - nn.functional.softplus(visible @ self.weight + self.hidden_bias).sum(1)

    def forward(self, **inputs: Tensor) -> Tensor:
        """The input (B, ...) by its port's name to its reconstruction (B, ...)."""
        return self.visible(self.hidden(inputs[self.name].flatten(1))).unflatten(1, self.shape)

    @staticmethod
    def tiny() -> tuple[Ports, BoltzmannSettings]:
        """The smallest instance, for the contracts."""
        port = Port("vector", "vector", (6,))
        return Ports((port,), (port,)), BoltzmannSettings(hidden=4)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch of eight: two patterns and their negatives, with a little noise."""
        pattern = torch.tensor([[1.0, 1, 1, -1, -1, -1], [1.0, -1, 1, -1, 1, -1]]).repeat(2, 1)
        signs = torch.tensor([1.0, 1, -1, -1])[:, None]
        return {"vector": (pattern * signs).repeat(2, 1) + 0.1 * torch.randn(8, 6, generator=generator)}
