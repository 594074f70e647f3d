"""Series: values over time, standardised per channel: (N, C, T), or as long as each row is where lengths differ."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.printable import typed
from thalweg.core.registry import kind
from thalweg.fields.arrays import not_finite, refuse_shape, rows_of_floats, shown
from thalweg.fields.column import Column, Look, as_column
from thalweg.fields.encoding import BadRows, Claim, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.ragged import Ragged
from thalweg.fields.restored import unreadable_encoding
from thalweg.fields.scale import Scale

SMOOTH = 0.5
"""Least share of a row's variation that a step must explain for the entries to count as ordered in time."""
SHORT = 8
"""Rows with fewer entries are not taken for series unless somebody says so."""


@kind("series", plural="series", of_steps=True, given="a file of series: .ts, .npz, or a table of their steps")
class Series(Encoding):
    """Floats (T,), or (T, C) with C channels, as (N, C, T) float32; Ragged, gathered (B, C, T), where lengths vary.

    Attributes:
        length: steps of every training row; None where they vary, and then any number of steps is read.
        longest: steps of the longest training row.
    """

    scale: Scale
    length: int | None
    longest: int

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        other = typed("field", look.name, "vector")
        if isinstance(look.column, list) and not look.target and look.sample and all(map(_is_row, look.sample)):
            steps = [len(row) for row in look.sample]
            return Claim(0.6, f"{look.name}: series of {min(steps):,} to {max(steps):,} steps")
        if look.array is None or len(look.shape) not in (1, 2) or look.target:
            return None
        steps_of_all = look.shape[0]
        if len(look.shape) == 2:
            if look.array.dtype.kind != "f":
                return None
            return Claim(0.6, f"{look.name}: series of {steps_of_all:,} steps and {look.shape[1]:,} channels ({other})")
        if steps_of_all < SHORT or is_table(look.array):
            return None
        return Claim(0.6, f"{look.name}: series of {steps_of_all:,} steps, neighbours are alike ({other})")

    @classmethod
    def example(cls) -> list[Column]:
        time = np.linspace(0, 6, 24)
        return [np.stack([np.stack([np.sin(time + i), 3 * np.cos(time * i)], axis=1) for i in range(1, 6)])]

    def check(self, columns: Sequence[Column]) -> None:
        self._channelled(columns[0])

    def fit(self, columns: Sequence[Column]) -> Self:
        rows = self._channelled(columns[0])
        lengths = {len(row) for row in rows}
        self.scale, self.longest = Scale.of(np.concatenate(rows), axes=(0,)), max(lengths)
        self.length = self.longest if len(lengths) == 1 else None
        return self

    def extend(self, columns: Sequence[Column]) -> Self:
        self.longest = max(self.longest, *(len(row) for row in self._channelled(columns[0])))
        return self

    def _channelled(self, column: Column) -> list[np.ndarray]:
        """Rows (T, C) float64, all of as many channels."""
        column = as_column(column)
        if isinstance(column, np.ndarray):
            values = rows_of_floats(self.name, column, axes=(2, 3))
            return list(values[:, :, None] if values.ndim == 2 else values)
        rows = [_row(value) for value in column]
        widths = [row.shape[1] for row in rows if row.size]
        usual = max(set(widths), key=widths.count, default=0)
        wrong = {i: shown(column[i]) for i, row in enumerate(rows) if not row.size or row.shape[1] != usual}
        if wrong:
            raise BadRows(
                "DATA_BAD_SERIES",
                wrong,
                field=self.name,
                rows=len(rows),
                why=f"each row must be numbers over one step or more, in {usual:,} channel{'' if usual == 1 else 's'}",
                fix=f"correct or leave out these rows, or {typed('field', self.name, 'KIND')} (thalweg list kinds)",
            )
        return rows

    def encode(self, columns: Sequence[Column]) -> Tensor | Ragged:
        """(N, C, T) float32; Ragged (total, C) with the time last when gathered, where lengths vary."""
        rows = self._channelled(columns[0])
        self._refuse_not_finite(rows)
        channels = self.scale.mean.shape[0]
        for row in rows:
            refuse_shape(self.name, row.shape, (len(row) if self.length is None else self.length, channels))
        standard = [torch.from_numpy(self.scale.standardised(row)) for row in rows]
        if self.length is None:
            return Ragged.of(standard, last=True)
        return torch.stack(standard).transpose(1, 2).contiguous() if standard else torch.zeros(0, channels, self.length)

    def _refuse_not_finite(self, rows: Sequence[np.ndarray]) -> None:
        reasons = {i: reason for i, row in enumerate(rows) for reason in not_finite(row[None]).values()}
        if reasons:
            raise BadRows(
                "DATA_NOT_FINITE",
                reasons,
                field=self.name,
                rows=len(rows),
                why="one such value turns every weight of a net into NaN",
                fix="fill in or leave out these rows",
            )

    def decode(self, tensor: Tensor) -> Column:
        """(B, T) for one channel, else (B, T, C); where lengths vary a list, without the zeros at the end of a row."""
        turned = tensor.detach().cpu().numpy().transpose(0, 2, 1)
        values = self.scale.raw(turned)
        values = values[:, :, 0] if values.shape[2] == 1 else values
        if self.length is not None:
            return values
        steps = [int(row.any(axis=1).nonzero()[0].max(initial=0)) + 1 for row in turned]
        return [row[:count] for row, count in zip(values, steps, strict=True)]

    @property
    def port(self) -> Port:
        varies = self.length is None
        shape = (*self.scale.mean.shape, self.length)
        return Port(self.name, "series", shape, masked=varies, longest=self.longest if varies else None)

    def state(self) -> dict[str, Any]:
        return {**self.scale.state(), "length": self.longest, **({"varies": True} if self.length is None else {})}

    def restore(self, state: Mapping[str, Any]) -> Self:
        if not isinstance(state.get("length"), int):
            raise unreadable_encoding("the length of a series cannot be read", self.name)
        self.scale, self.longest = Scale.restored(state, self.name), state["length"]
        self.length = None if state.get("varies", False) else self.longest
        return self


def _is_row(value: Any) -> bool:
    """Floats over time: an array (T,) or (T, C), or a list of them."""
    row = value if isinstance(value, np.ndarray) else np.asarray(value) if _of_floats(value) else np.zeros(())
    return row.dtype.kind == "f" and row.ndim in (1, 2) and row.size > 0


def _of_floats(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(one, float) for one in value)


def _row(value: Any) -> np.ndarray:
    """A row as (T, C) float64; without entries where it is no such thing."""
    try:
        row = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return np.zeros((0, 0))
    return row[:, None] if row.ndim == 1 else row if row.ndim == 2 else np.zeros((0, 0))


def is_table(values: np.ndarray) -> bool:
    """The entries (N, D) look like unrelated columns rather than one quantity over time.

    A series has one scale: the spread of its columns about their means is within a factor of 30. And it is smooth: the mean
    squared step between neighbours is at most half of what it is between the same entries in shuffled order.
    """
    sample = values[:: max(1, len(values) // 500)].astype(np.float64)
    sample = np.where(np.isfinite(sample), sample, 0.0)
    size = np.sqrt((sample**2).mean(axis=0))
    if size.max() > 30 * max(float(np.median(size)), np.finfo(np.float64).tiny):
        return True
    centred = sample - sample.mean(axis=1, keepdims=True)
    varied = 2 * float((centred**2).mean())  # the mean squared step between entries picked at random
    stepped = float((np.diff(sample, axis=1) ** 2).mean())
    return stepped > (1 - SMOOTH) * varied or varied == 0.0
