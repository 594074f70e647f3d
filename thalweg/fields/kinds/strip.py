"""Strips: grey pictures of one height and any width, such as lines of writing, as columns of pixels laid end to end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.registry import kind
from thalweg.fields.column import Column
from thalweg.fields.encoding import BadRows, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.ragged import Ragged
from thalweg.fields.restored import unreadable_encoding


@kind("strip", plural="strips")
class Strip(Encoding):
    """Bytes (H, W) a row, W varying, as Ragged uint8 (total W, H); gathered (B, W, H) with a mask (B, W)."""

    height: int
    mean: float
    deviation: float

    @classmethod
    def example(cls) -> list[Column]:
        return [[np.arange(1, 1 + 4 * width, dtype=np.uint8).reshape(4, width) for width in (3, 5, 1)]]

    def check(self, columns: Sequence[Column]) -> None:
        self._refuse(columns[0], lambda strip: strip.ndim == 2 and strip.size > 0 and _are_bytes(strip))

    def fit(self, columns: Sequence[Column]) -> Self:
        self.height = int(np.shape(columns[0][0])[0])
        pixels = np.concatenate([np.asarray(row).ravel() for row in columns[0]]) / 255.0
        self.mean, self.deviation = float(pixels.mean()), float(pixels.std()) or 1.0
        return self

    def _refuse(self, column: Column, fits: Callable[[np.ndarray], bool]) -> None:
        strips = enumerate(_array(one) for one in column)
        reasons = {row: f"{strip.dtype} of shape {strip.shape}" for row, strip in strips if not fits(strip)}
        if reasons:
            raise BadRows(
                "DATA_BAD_STRIPS",
                reasons,
                field=self.name,
                rows=len(column),
                why="strips are grey pictures, whole numbers from 0 to 255, all of one height",
                fix="scale them to one height and give each as an array (height, width) of bytes",
            )

    def encode(self, columns: Sequence[Column]) -> Ragged:
        """Ragged uint8 (total W, H)."""
        self._refuse(columns[0], lambda strip: strip.shape[0] == self.height)
        return Ragged.of([torch.from_numpy(np.asarray(row).astype(np.uint8).T.copy()) for row in columns[0]])

    def decode(self, tensor: Tensor) -> Column:
        """A list of bytes (H, W) of (B, W, H), without black columns at the end, which padding cannot be told from."""
        if tensor.is_floating_point():
            tensor = ((tensor * self.deviation + self.mean) * 255).round().clamp(0, 255).to(torch.uint8)
        rows = tensor.detach().cpu().numpy()
        widths = [int(row.any(axis=1).nonzero()[0].max(initial=0)) + 1 for row in rows]
        return [row[:width].T for row, width in zip(rows, widths, strict=True)]

    def loosen(self, tensor: Tensor) -> Tensor:
        return tensor if tensor.is_floating_point() else tensor.float() / 255

    def finish(self, tensor: Tensor) -> Tensor:
        return (self.loosen(tensor) - self.mean) / self.deviation

    @property
    def port(self) -> Port:
        return Port(self.name, "strip", (None, self.height), masked=True)

    def state(self) -> dict[str, Any]:
        return {"height": self.height, "mean": self.mean, "deviation": self.deviation}

    def restore(self, state: Mapping[str, Any]) -> Self:
        if not {"height", "mean", "deviation"} <= set(state):
            raise unreadable_encoding("an encoding of strips cannot be read", self.name)
        self.height, self.mean, self.deviation = int(state["height"]), float(state["mean"]), float(state["deviation"])
        return self


def _array(row: Any) -> np.ndarray:
    """A row as an array; of objects where it is none."""
    return np.asarray(row, dtype=None if isinstance(row, np.ndarray | list) else object)


def _are_bytes(strip: np.ndarray) -> bool:
    return strip.dtype == np.uint8 or (strip.dtype.kind in "iu" and strip.min() >= 0 and strip.max() <= 255)
