"""Boxes: any number of rectangles a row, each with a class or without, as shares of their picture's sides."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.registry import kind
from thalweg.fields.arrays import refuse_others
from thalweg.fields.column import Column, Look
from thalweg.fields.encoding import BadRows, Claim, Encoding
from thalweg.fields.pictures import EVER_DECODED, Unreadable, each, header
from thalweg.fields.ports import Port
from thalweg.fields.ragged import Ragged
from thalweg.fields.restored import unreadable_encoding


@kind("boxes", plural="sets of boxes", moves_as="box-shares")
class Boxes(Encoding):
    """Rectangles x1, y1, x2, y2 (and a class, counted from 0) as Ragged float32 (total, 4 or 5).

    Beside a picture, coordinates in pixels become shares of its width and height, so that resizing does not touch them;
    coordinates that never exceed 1 in training are taken to be shares already. What sticks out of the picture is cut off.
    """

    beside = "image"
    width: int
    shares: bool
    classes: int

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        if look.array is not None:
            named = len(look.shape) == 2 and look.shape[1] in (4, 5) and "box" in look.name.casefold()
            return Claim(0.8, "") if named else None
        if not look.all_are(np.ndarray, list, tuple) or not (look.target or "box" in look.name.casefold()):
            return None
        arrays = [np.asarray(one, dtype=object) for one in look.sample if len(one)]
        fitting = bool(arrays) and all(one.ndim == 2 and one.shape[1] in (4, 5) for one in arrays)
        return Claim(0.8, "") if fitting else None

    @classmethod
    def example(cls) -> list[Column]:
        rows = [np.array([[0.1, 0.2, 0.5, 0.75, 1.0]]), np.zeros((0, 5)), np.array([[0, 0, 1, 1, 0], [0.25, 0.5, 0.5, 1, 1]])]
        return [rows]

    def check(self, columns: Sequence[Column]) -> None:
        refuse_others(self.fields[0], columns[0], _no_boxes, rows="boxes x1, y1, x2, y2 (and perhaps a class) of numbers")

    def fit(self, columns: Sequence[Column]) -> Self:
        rows = [_array(row) for row in columns[0]]
        full = [row for row in rows if len(row)]
        every = np.concatenate(full) if full else np.zeros((0, 4))
        self.width = every.shape[1]
        self.shares = bool(np.nanmax(every[:, :4], initial=0.0) <= 1.0)
        self.classes = int(np.nanmax(every[:, 4], initial=0.0)) + 1 if self.width == 5 else 0
        return self

    def extend(self, columns: Sequence[Column]) -> Self:
        most = [int(_array(row)[:, 4].max()) + 1 for row in columns[0] if len(row) and self.width == 5]
        self.classes = max([self.classes, *most])
        return self

    def encode(self, columns: Sequence[Column]) -> Ragged:
        """Ragged float32 (total, 4 or 5)."""
        rows = [_array(row, self.width) for row in columns[0]]
        scales = _sides(columns[1], len(rows)) if len(columns) > 1 and not self.shares else np.ones((len(rows), 4))
        reasons, ready = {}, []
        for i, (row, scale) in enumerate(zip(rows, scales, strict=True)):
            scaled = row.copy()
            scaled[:, :4] = row[:, :4] / np.where(np.isfinite(scale), scale, 1.0)
            if wrong := self._wrong(scaled, bounded=len(columns) > 1 and bool(np.isfinite(scale).all())):
                reasons[i] = wrong
            if len(columns) > 1:
                scaled[:, :4] = scaled[:, :4].clip(0.0, 1.0)
            ready.append(torch.from_numpy(scaled.astype(np.float32)))
        self._refuse(reasons, len(rows))
        return Ragged.of(ready)

    def _wrong(self, row: np.ndarray, *, bounded: bool) -> str:
        """The first fault among the boxes of a row; empty where there is none."""
        for index, box in enumerate(row):
            x1, y1, x2, y2 = box[:4]
            if not np.isfinite(box).all():
                return f"box {index} is not finite"
            if x2 <= x1 or y2 <= y1:
                return f"box {index} has no area ({x1:g}, {y1:g}, {x2:g}, {y2:g})"
            if bounded and (x1 >= 1 or y1 >= 1 or x2 <= 0 or y2 <= 0):
                return f"box {index} lies outside its picture"
            if len(box) == 5 and not (box[4] == int(box[4]) and 0 <= box[4] < self.classes):
                return f"box {index} has class {box[4]:g}, known are 0 to {self.classes - 1}"
        return ""

    def _refuse(self, reasons: dict[int, str], rows: int) -> None:
        if reasons:
            raise BadRows(
                "DATA_BAD_BOXES",
                reasons,
                field=self.fields[0],
                rows=rows,
                why="a net would learn to find what cannot be there",
                fix="correct them: x1 < x2 and y1 < y2, in pixels from the upper left corner, or as shares",
            )

    def decode(self, tensor: Tensor) -> Column:
        """A list of (k, 4 or 5) arrays, in shares where the encoding has a picture beside it; rows without area are padding."""
        rows = tensor.detach().cpu().double().numpy()
        return [row[(row[:, 2] > row[:, 0]) & (row[:, 3] > row[:, 1])] for row in rows]

    @property
    def port(self) -> Port:
        return Port(self.name, "boxes", (None, self.width), size=self.classes or None, masked=True)

    def state(self) -> dict[str, Any]:
        return {"width": self.width, "shares": self.shares, "classes": self.classes}

    def restore(self, state: Mapping[str, Any]) -> Self:
        if not {"width", "shares", "classes"} <= set(state):
            raise unreadable_encoding("an encoding of boxes cannot be read", self.name)
        self.width, self.shares, self.classes = int(state["width"]), bool(state["shares"]), int(state["classes"])
        return self


def _no_boxes(row: Any) -> bool:
    try:
        array = np.asarray(row, dtype=np.float64)
    except (TypeError, ValueError):
        return True
    return not (array.ndim == 2 and array.shape[1] in (4, 5)) and array.shape not in ((0,), (0, 0))


def _array(row: Any, width: int = 4) -> np.ndarray:
    """One row's boxes as float64 (k, width)."""
    array = np.asarray(row, dtype=np.float64)
    return array if array.ndim == 2 and len(array) else np.zeros((0, width))


def _sides(pictures: Column, rows: int) -> np.ndarray:
    """(N, 4) width, height, width, height of each picture; NaN where it cannot be read."""
    sides = np.full((rows, 4), np.nan)
    for row, one in enumerate(each(partial(header, most=EVER_DECODED), list(pictures))):
        if not isinstance(one, Unreadable):
            sides[row] = (one.width, one.height, one.width, one.height)
    return sides
