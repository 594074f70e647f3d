"""Tokens: sequences of symbols of any length, as codes laid end to end."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.printable import typed
from thalweg.core.registry import kind
from thalweg.fields.arrays import is_list, refuse_others, refuse_restored
from thalweg.fields.column import Column, Look, in_order, plain
from thalweg.fields.encoding import Claim, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.ragged import Ragged
from thalweg.fields.restored import unreadable_encoding

PAD, BEGIN, END, UNKNOWN = 0, 1, 2, 3
"""Codes with a meaning of their own; symbols follow. Nets that generate put BEGIN first and stop at END."""
FIRST = 4


@kind("tokens", plural="token sequences")
class Tokens(Encoding):
    """Sequences of symbols (words, letters, numbers) as Ragged int64 codes.

    A text is a sequence of its characters, a list of symbols is one as it is. Codes: 0 padding, 1 begin, 2 end, 3 unknown; the
    symbols of training follow in order from 4. What is stored holds symbols only; begin and end are for those who generate.
    """

    symbols: list[Any]
    texts: bool = False

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        if isinstance(look.column, np.ndarray):
            return None
        if look.all_are(list, tuple) and all(isinstance(one, str | int) for row in look.sample for one in row):
            return Claim(0.5, f"{look.name}: sequences of symbols ({typed('field', look.name, 'labels')} for sets of labels)")
        ragged = look.all_are(np.ndarray) and all(row.ndim == 1 and row.dtype.kind in "iuU" for row in look.sample)
        return Claim(0.5, f"{look.name}: sequences of symbols") if ragged else None

    @classmethod
    def example(cls) -> list[Column]:
        return [[["a", "b"], ["c"], [], ["b", "b", "a"]]]

    def check(self, columns: Sequence[Column]) -> None:
        def wrong(row: Any) -> bool:
            return not (isinstance(row, str) or (is_list(row) and not isinstance(row, set)))

        refuse_others(self.name, columns[0], wrong, rows="a text or a list of symbols")

    def fit(self, columns: Sequence[Column]) -> Self:
        self.texts = all(isinstance(row, str) for row in columns[0])
        self.symbols = in_order({symbol for row in columns[0] for symbol in _symbols(row)})
        return self

    def extend(self, columns: Sequence[Column]) -> Self:
        known = set(self.symbols)
        self.symbols = self.symbols + in_order({one for row in columns[0] for one in _symbols(row)} - known)
        return self

    def encode(self, columns: Sequence[Column]) -> Ragged:
        """Ragged int64 (total,)."""
        codes = {symbol: FIRST + i for i, symbol in enumerate(self.symbols)}
        return Ragged.of([_row(row, codes) for row in columns[0]])

    def decode(self, tensor: Tensor) -> Column:
        """Sequences of symbols of codes (B, L), each up to its end; padding, begin and unknown symbols are left out."""
        rows = [self._read(row) for row in tensor.detach().cpu().tolist()]
        return ["".join(row) for row in rows] if self.texts else rows

    def _read(self, codes: list[int]) -> list[Any]:
        until = codes.index(END) if END in codes else len(codes)
        return [self.symbols[code - FIRST] for code in codes[:until] if FIRST <= code < FIRST + len(self.symbols)]

    @property
    def port(self) -> Port:
        return Port(self.name, "tokens", (None,), size=FIRST + len(self.symbols), masked=True)

    def state(self) -> dict[str, Any]:
        return {"symbols": self.symbols, "texts": self.texts}

    def restore(self, state: Mapping[str, Any]) -> Self:
        if not isinstance(state.get("symbols"), list):
            raise unreadable_encoding("the symbols of an encoding cannot be read", self.name)
        refuse_restored(self.name, state["symbols"])
        self.symbols, self.texts = list(state["symbols"]), bool(state.get("texts", False))
        return self


def _symbols(row: Any) -> list[Any]:
    return [plain(symbol) for symbol in row]


def _row(row: Any, codes: Mapping[Any, int]) -> Tensor:
    return torch.tensor([codes.get(symbol, UNKNOWN) for symbol in _symbols(row)], dtype=torch.int64)
