"""Vectors as they are, their axes side by side."""

import torch
from torch import Tensor

from thalweg.core.registry import encoder
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port
from thalweg.layers.encoded import Encoder


@encoder("vector")
class VectorEncoder(Encoder):
    """Standardised vectors, flattened."""

    def __init__(self, port: Port, settings: Settings) -> None:
        super().__init__()
        self.width = port.width

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, ...) to (B, width)."""
        return x.flatten(1)

    @staticmethod
    def example(generator: torch.Generator) -> tuple[Port, dict[str, Tensor]]:
        """Rows of 2 x 3 numbers."""
        return Port("vector", "vector", (2, 3)), {"vector": torch.randn(8, 2, 3, generator=generator)}
