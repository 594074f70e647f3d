"""The Hopfield net: patterns of ±1 are its fixed points, which damaged ones fall back into.

Reference: Hopfield 1982, doi:10.1073/pnas.79.8.2554.

Letters: B batch, N units.
"""

import torch
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports


@model(
    "hopfield",
    tasks=("recall",),
    inputs=("vector", "image", "numbers"),
    rule="hebbian",
    paper="Hopfield 1982, doi:10.1073/pnas.79.8.2554",
)
class Hopfield(nn.Module):
    """N units of ±1 with symmetric weights; `forward` is one sweep, each unit in turn taking the sign of what it receives."""

    def __init__(self, ports: Ports, settings: Settings) -> None:
        super().__init__()
        self.name, self.shape = ports.output.name, ports.output.shape
        self.weight = nn.Parameter(torch.zeros(ports.output.width, ports.output.width))

    @torch.no_grad()
    def forward(self, **inputs: Tensor) -> Tensor:
        """Values (B, ...) by their port's name, of which the sign counts, to ±1 (B, ...) of no higher energy.

        Units turn one after another: all at once could swing between two patterns for ever.
        """
        state = signs(inputs[self.name].flatten(1)).clone()  # (B, N)
        for unit, weights in enumerate(self.weight):
            received = state @ weights  # (B,)
            state[:, unit] = torch.where(received == 0, state[:, unit], received.sign())
        return state.unflatten(1, self.shape)

    @staticmethod
    def tiny() -> tuple[Ports, Settings]:
        """The smallest instance, for the contracts."""
        port = Port("vector", "vector", (8,))
        return Ports((port,), (port,)), Settings()

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch of eight: one pattern and its negative, in turn."""
        pattern = torch.tensor([1.0, 1, -1, 1, -1, -1, 1, -1])
        return {"vector": pattern * torch.tensor([1.0, -1]).repeat(4)[:, None]}


def signs(values: Tensor) -> Tensor:
    """±1, and 1 for 0."""
    return torch.where(values >= 0, 1.0, -1.0).to(values.dtype)
