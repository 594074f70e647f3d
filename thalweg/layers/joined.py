"""Several inputs as one vector: numbers flattened, codes as one-hot columns. What a perceptron reads of any data."""

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Self

import torch
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.printable import typed
from thalweg.fields.ports import Port


class Joined(nn.Module):
    """All inputs of an example, side by side (B, width).

    Args:
        ports: the inputs in the order in which they stand side by side; those whose length varies cannot be joined.

    Attributes:
        width, widths: of all together, and of each port.
        like: holds nothing; it has the type of the model that this is a part of, for inputs that are all codes. No buffer,
            since it is no state.
    """

    def __init__(self, ports: tuple[Port, ...]) -> None:
        super().__init__()
        _refuse_varying(ports)
        self.ports = ports
        self.widths = [_width(port) for port in ports]
        self.width = sum(self.widths)
        self.like = torch.empty(0)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.like = fn(self.like)
        return super()._apply(fn, recurse)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Inputs by name (B, ...) to (B, width)."""
        read = [inputs[port.name] for port in self.ports]
        dtype = next((one.dtype for one in read if one.is_floating_point()), self.like.dtype)
        pieces = [_flat(port, one, dtype) for port, one in zip(self.ports, read, strict=True)]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1)


def _refuse_varying(ports: tuple[Port, ...]) -> None:
    """Raise where the length of an input varies: its values would stand in other places from row to row."""
    varying = [port for port in ports if None in port.shape]
    if varying:
        raise UsageRefusal(
            "MODEL_VARYING_LENGTH",
            f'the length of "{varying[0].name}" varies, this model reads rows of one length',
            where=f"--model; {varying[0].name} ({varying[0].kind})",
            why="it lays all values side by side",
            fix=" ".join(typed("ignore", port.name) for port in varying) + " leaves out what varies; or leave --model out"
            if len(varying) < len(ports)
            else "leave --model out, or bring the rows to one length",
        )


def sizes_of(port: Port) -> tuple[int, ...]:
    """How many codes there are in each column of a port of codes; none of another."""
    return port.sizes or ((port.size,) if port.size is not None else ())


def _width(port: Port) -> int:
    return sum(sizes_of(port)) or port.width


def columns_of(port: Port, codes: Tensor) -> Tensor:
    """Codes (B, ...) of a port as (B, k) the one-hot columns that they stand for."""
    sizes, codes = sizes_of(port), codes.reshape(codes.shape[0], -1)
    return codes + torch.tensor([0, *accumulate(sizes[:-1])], device=codes.device) if len(sizes) > 1 else codes


def _flat(port: Port, value: Tensor, dtype: torch.dtype) -> Tensor:
    """The value (B, ...) in one piece (B, width), codes as one-hot columns."""
    sizes = sizes_of(port)
    if not sizes:
        return value.flatten(1)
    codes = columns_of(port, value)
    return torch.zeros(codes.shape[0], sum(sizes), dtype=dtype, device=codes.device).scatter(1, codes, 1.0)
