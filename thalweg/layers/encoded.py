"""Encoders: one input of any kind as one vector, so that a net reads tables with text, pictures and series among the columns.

One file per kind of port in `layers/encoders`; `Encoded` puts those of all inputs side by side. No net knows the kinds.

Letters: B batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from thalweg.core import registry
from thalweg.fields.ports import Port


class Encoder(nn.Module, ABC):
    """The base of every encoder: built as `kind(port, settings)`, called as `encoder(tensor, mask)`.

    Attributes:
        width: numbers in its answer.
    """

    width: int

    @abstractmethod
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """One port's tensor (B, ...) to (B, width); the mask (B, L) is True where a value is."""

    @staticmethod
    @abstractmethod
    def example(generator: torch.Generator) -> tuple[Port, dict[str, Tensor]]:
        """A small port and eight rows of it by the port's name, mask included, for the contracts."""


class Encoded(nn.Module):
    """All inputs of an example as vectors side by side (B, width).

    Args:
        ports: the inputs; each needs an encoder of its kind.
        given: settings of encoders by the kind of port, where they differ from the defaults.
    """

    def __init__(self, ports: tuple[Port, ...], given: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({port.name: build_encoder(port, (given or {}).get(port.kind)) for port in ports})
        self.width = sum(one.width for one in self.encoders.values())  # type: ignore[misc]

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Inputs by name (B, ...), masks under `<name>_mask`, to (B, width)."""
        return torch.cat([one(inputs[name], inputs.get(f"{name}_mask")) for name, one in self.encoders.items()], dim=1)


def build_encoder(port: Port, given: Mapping[str, Any] | None = None) -> Encoder:
    """The encoder of a port's kind.

    Raises:
        UsageRefusal: there is none for such a port.
    """
    made: Encoder = registry.load("encoder", port.kind)(port, registry.settings_of("encoder", port.kind, given))
    return made
