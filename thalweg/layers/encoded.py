"""Encoders: one input of any kind as one vector, so that a net reads tables with text, pictures and series among the columns.

One file per kind of port in `layers/encoders`; `Encoded` puts those of all inputs side by side. No net knows the kinds.

Letters: B batch, M members of an ensemble, k columns, D width.
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


Given = Mapping[str, Mapping[str, Any]] | None
"""Settings of encoders by the kind of port, where they differ from the defaults."""


class Encoded(nn.Module):
    """All inputs of an example as vectors side by side (B, width).

    Args:
        ports: the inputs; each needs an encoder of its kind.
    """

    def __init__(self, ports: tuple[Port, ...], given: Given = None) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({port.name: build_encoder(port, (given or {}).get(port.kind)) for port in ports})
        self.width = sum(one.width for one in self.encoders.values())  # type: ignore[misc]

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Inputs by name (B, ...), masks under `<name>_mask`, to (B, width)."""
        return torch.cat([one(inputs[name], inputs.get(f"{name}_mask")) for name, one in self.encoders.items()], dim=1)


class EncodedForMembers(nn.Module):
    """The same for each member of an ensemble (M, B, width), from vectors of its own where they cost little.

    Encoders that declare `members=True` learn a set of vectors for each member, (B, M D) with one member's after another's; the
    others, such as those of pictures, are shared.

    Args:
        ports: the inputs; each needs an encoder of its kind.
        apart: false: all encoders are shared.
    """

    def __init__(self, ports: tuple[Port, ...], given: Given = None, *, members: int, apart: bool = True) -> None:
        super().__init__()
        self.members = members
        self.apart = {port.name: apart and bool(registry.facts("encoder", port.kind).get("members")) for port in ports}
        usual = {port.name: (given or {}).get(port.kind, {}) for port in ports}
        own = {name: {**usual[name], "members": members} if self.apart[name] else usual[name] for name in usual}
        self.encoders = nn.ModuleDict({port.name: build_encoder(port, own[port.name]) for port in ports})
        widths: dict[str, int] = {name: one.width for name, one in self.encoders.items()}  # type: ignore[misc]
        self.width = sum(width // (members if self.apart[name] else 1) for name, width in widths.items())

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Inputs by name (B, ...), masks under `<name>_mask`, to (M, B, width)."""
        found = {name: one(inputs[name], inputs.get(f"{name}_mask")) for name, one in self.encoders.items()}
        if not any(self.apart.values()):  # laid side by side once, not for each member
            return self._of_members(torch.cat(list(found.values()), dim=1), apart=False)
        return torch.cat([self._of_members(one, apart=self.apart[name]) for name, one in found.items()], dim=2)

    def _of_members(self, vectors: Tensor, *, apart: bool) -> Tensor:
        """(B, M D), or (B, D) for all alike, to (M, B, D)."""
        if apart:
            return vectors.unflatten(1, (self.members, -1)).transpose(0, 1)
        return vectors.expand(self.members, *vectors.shape)


def by_member(vectors: Tensor, members: int) -> Tensor:
    """Vectors of columns (B, k, M D) to (B, M k D): one member's after another's."""
    return vectors.unflatten(2, (members, -1)).transpose(1, 2).flatten(1)


def build_encoder(port: Port, given: Mapping[str, Any] | None = None) -> Encoder:
    """The encoder of a port's kind.

    Raises:
        UsageRefusal: there is none for such a port.
    """
    made: Encoder = registry.load("encoder", port.kind)(port, registry.settings_of("encoder", port.kind, given))
    return made
