"""Symbols: stretches of a running text, all of one length, as one code for each character."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.registry import kind
from thalweg.fields.arrays import refuse_others, refuse_restored
from thalweg.fields.column import Column
from thalweg.fields.encoding import Encoding
from thalweg.fields.ports import Port
from thalweg.fields.restored import unreadable_encoding

UNKNOWN, FIRST = 0, 1
"""The code of characters that training never saw, and that of the first one that it did."""
STRANGE = "\ufffd"
"""What an unknown character is decoded as."""


@kind("symbols", plural="windows of running text", given="text to be continued")
class Symbols(Encoding):
    """Windows of a running text as codes (N, length): 0 for characters never seen, those of training from 1 in order.

    What a column holds is for contracts and prompts; a running text itself lies in memory once (`fields/windows.py`).
    """

    symbols: str = ""
    length: int = 0

    @classmethod
    def example(cls) -> list[Column]:
        return [["to be, or", "not to be", "that is t", "he questi"]]

    def check(self, columns: Sequence[Column]) -> None:
        refuse_others(self.name, columns[0], lambda row: not isinstance(row, str), rows="a text")

    def fit(self, columns: Sequence[Column]) -> Self:
        self.length = max(map(len, columns[0]), default=0)
        return self.learn("".join(columns[0]))

    def learn(self, text: str) -> Self:
        """Take up the characters of a text; returns itself."""
        self.symbols = "".join(sorted(set(text)))
        return self

    def extend(self, columns: Sequence[Column]) -> Self:
        self.symbols += "".join(sorted(set("".join(columns[0])) - set(self.symbols)))
        return self

    def encode(self, columns: Sequence[Column]) -> Tensor:
        """(N, length), what is longer cut and what is shorter filled up with unknown ones at its front."""
        rows = [self.codes(row[: self.length].rjust(self.length, STRANGE)) for row in columns[0]]
        return torch.stack(rows) if rows else torch.zeros(0, self.length, dtype=self.dtype)

    def codes(self, text: str) -> Tensor:
        """The codes of a text's characters (len(text),), in the smallest type that holds all."""
        known = _points(self.symbols)
        order = known.argsort()
        points = _points(text)
        place = np.searchsorted(known[order], points).clip(max=max(len(known) - 1, 0))
        found = order[place] if len(known) else np.zeros(len(points), dtype=np.int64)
        codes = np.where(known[found] == points, found + FIRST, UNKNOWN) if len(known) else found
        return torch.from_numpy(codes.astype(np.int64)).to(self.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """The smallest integer type that holds every code."""
        highest = len(self.symbols) + FIRST - 1
        return torch.uint8 if highest < 1 << 8 else torch.int16 if highest < 1 << 15 else torch.int32

    def decode(self, tensor: Tensor) -> Column:
        """The texts of codes (B, any length)."""
        written = np.array([STRANGE, *self.symbols])
        return ["".join(written[row]) for row in tensor.detach().cpu().numpy()]

    def finish(self, tensor: Tensor) -> Tensor:
        return tensor.long()

    @property
    def port(self) -> Port:
        return Port(self.name, "symbols", (self.length,), size=FIRST + len(self.symbols))

    def state(self) -> dict[str, Any]:
        return {"symbols": self.symbols, "length": self.length}

    def restore(self, state: Mapping[str, Any]) -> Self:
        symbols, length = state.get("symbols"), state.get("length")
        if not isinstance(symbols, str) or not isinstance(length, int) or isinstance(length, bool) or length < 0:
            raise unreadable_encoding("the symbols of an encoding cannot be read", self.name)
        refuse_restored(self.name, list(symbols))
        self.symbols, self.length = symbols, length
        return self


def _points(text: str) -> np.ndarray:
    """The code points of a text (len(text),)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
