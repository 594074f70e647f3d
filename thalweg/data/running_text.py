"""A running text: one long row of symbols, cut by place, read in windows that are given by their starts.

Letters: N symbols of the text, L symbols of a window.
"""

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from thalweg.core.errors import DataRefusal
from thalweg.core.position import Position
from thalweg.data.batches import Store, StoredBatches
from thalweg.data.dataset import PARTS, Dataset, Wanted
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.symbols import Symbols
from thalweg.fields.windows import Windows

TEXT, NEXT = "text", "next"
"""What a window holds, and what follows each of its symbols."""


class RunningText(Dataset):
    """The text, of which each part is one stretch; an example is a window, and what follows each of its symbols.

    An epoch of training goes through all windows that lie one after another, in an order and from a first start drawn anew:
    each symbol is learned once an epoch, and windows differ between epochs. The other parts are read from their beginnings.

    Args:
        texts: part to its stretch; parts that are not there are empty.
        encodings: those of a model; None: the characters of the training stretch are learned.
    """

    def __init__(self, name: str, texts: Mapping[str, str], length: int, *, encodings: Encodings | None = None) -> None:
        self.name, self.length, self.texts = name, length, {part: texts[part] for part in PARTS if texts.get(part)}
        self.encodings = encodings or Encodings([_learned(self.texts["train"], length)])
        symbols = self.encodings.input
        assert isinstance(symbols, Symbols)
        self.codes = {part: symbols.codes(text) for part, text in self.texts.items()}
        if not _count(len(self.codes.get("calibration", ())), length):  # nothing of a text is calibrated
            self.codes.pop("calibration", None)
        for part, codes in self.codes.items():
            if not _count(len(codes), length):
                raise _too_short(name, part, len(codes), length)
        self.notes = self._notes(symbols)

    def supply(self, part: str, wanted: Wanted) -> StoredBatches:
        codes = self.codes[part]
        store = Store(
            {TEXT: Windows(codes, self.length), NEXT: Windows(codes, self.length, ahead=1)}, self.encodings, self.dtype
        ).to(self.device, self.dtype)
        if wanted.training:
            return ShiftedBatches(store, self._starts(part), wanted)
        return StoredBatches(store, self._starts(part), size=wanted.size, processes=wanted.processes)

    def rows(self, part: str) -> int | None:
        return _count(len(self.codes[part]), self.length) if part in self.codes else 0

    @functools.cached_property
    def _digest(self) -> str:
        sha = hashlib.sha256()
        for part, text in self.texts.items():
            sha.update(f"{part} {len(text)}\n".encode() + text.encode("utf-8", "surrogatepass"))
        return sha.hexdigest()

    def fingerprint(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "parts": {part: self.rows(part) for part in PARTS},
            "length": self.length,
            "digest": self._digest,
        }

    def read_by(self, encodings: Encodings) -> "RunningText":
        """The whole text in the symbols of a model, as the part `test`."""
        symbols = encodings.input
        assert isinstance(symbols, Symbols)
        return RunningText(self.name, {"test": "".join(self.texts.values())}, symbols.length, encodings=encodings)

    def _starts(self, part: str) -> Tensor:
        return torch.arange(self.rows(part) or 0) * self.length

    def _notes(self, symbols: Symbols) -> list[str]:
        total = sum(map(len, self.texts.values()))
        shares = " · ".join(f"{len(text):,} {part}" for part, text in self.texts.items())
        strange = {part: int((codes == 0).sum()) for part, codes in self.codes.items()}
        unseen = [f"{count:,} of {part}" for part, count in strange.items() if count]
        found = f"{len(symbols.symbols):,} different, read in windows of {self.length} (--set source_settings.context=N)"
        return [
            f"a running text of {total:,} characters, to be continued",
            found + (f"; never seen in training: {', '.join(unseen)}" if unseen else ""),
            f"parts, by place in the text: {shares} (--split)",
        ]


class ShiftedBatches(StoredBatches):
    """Windows one after another, of each epoch from a first start of its own, so that they are others every time."""

    def __init__(self, store: Store, starts: Tensor, wanted: Wanted) -> None:
        room = len(starts) > 1  # the last window makes room for the shift
        self.shifts = int(starts[1]) if room else 1
        rows, processes = starts[:-1] if room else starts, wanted.processes
        super().__init__(store, rows, size=wanted.size, shuffled=True, augment=wanted.augment, processes=processes)
        self._shifted: tuple[object, Tensor] = (None, rows)

    def finish_ahead(self, most: int) -> bool:
        """Never: windows are others in every epoch."""
        return False

    def _ordered(self, position: Position) -> Tensor:
        order = super()._ordered(position)
        if self._shifted[0] is not order:
            generator = position.generator("shift", by="epoch")
            self._shifted = (order, order + torch.randint(self.shifts, (), generator=generator))
        return self._shifted[1]


def _learned(text: str, length: int) -> Symbols:
    symbols = Symbols(TEXT, [TEXT], "input")
    symbols.length = length
    return symbols.learn(text)


def _count(symbols: int, length: int) -> int:
    """How many windows lie one after another with a symbol after the last of them."""
    return max(symbols - 1, 0) // length


def _too_short(name: str, part: str, symbols: int, length: int) -> DataRefusal:
    return DataRefusal(
        "DATA_SHORT_TEXT",
        f"the part {part} of {name} holds {symbols:,} characters, a window {length:,} and one that follows",
        where=name,
        why="there must be a whole window to learn from, to choose by and to judge by",
        fix="a longer text, shorter windows (--set source_settings.context=8), or other shares (--split)",
    )
