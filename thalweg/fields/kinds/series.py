"""Series: values over time, as (N, C, T), standardised per channel."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.errors import PackageRefusal
from thalweg.core.registry import kind
from thalweg.fields.arrays import refuse_not_finite, refuse_shape, rows_of_floats
from thalweg.fields.column import Column, Look
from thalweg.fields.encoding import Claim, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.scale import Scale

SMOOTH = 0.5
"""Least share of a row's variation that a step must explain for the entries to count as ordered in time."""
SHORT = 8
"""Rows with fewer entries are not taken for series unless somebody says so."""


@kind("series", plural="series")
class Series(Encoding):
    """Floats (N, T), or (N, T, C) with C channels, as (N, C, T) float32 of one length."""

    scale: Scale
    length: int

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        if look.array is None or len(look.shape) not in (1, 2) or look.target:
            return None
        steps, other = look.shape[0], f"--field {look.name}=vector"
        if len(look.shape) == 2:
            if look.array.dtype.kind != "f":
                return None
            return Claim(0.6, f"{look.name}: series of {steps:,} steps and {look.shape[1]:,} channels ({other})")
        if steps < SHORT or is_table(look.array):
            return None
        return Claim(0.6, f"{look.name}: series of {steps:,} steps, neighbours are alike ({other})")

    @classmethod
    def example(cls) -> list[Column]:
        time = np.linspace(0, 6, 24)
        return [np.stack([np.stack([np.sin(time + i), 3 * np.cos(time * i)], axis=1) for i in range(1, 6)])]

    def check(self, columns: Sequence[Column]) -> None:
        self._channelled(columns[0])

    def fit(self, columns: Sequence[Column]) -> Self:
        values = self._channelled(columns[0])
        self.scale, self.length = Scale.of(values, axes=(0, 1)), values.shape[1]
        return self

    def _channelled(self, column: Column) -> np.ndarray:
        """(N, T, C) float64."""
        values = rows_of_floats(self.name, column, axes=(2, 3))
        return values[:, :, None] if values.ndim == 2 else values

    def encode(self, columns: Sequence[Column]) -> Tensor:
        """(N, C, T) float32."""
        values = self._channelled(columns[0])
        refuse_shape(self.name, values.shape[1:], (self.length, *self.scale.mean.shape))
        refuse_not_finite(self.name, values)
        return torch.from_numpy(np.ascontiguousarray(self.scale.standardised(values).transpose(0, 2, 1)))

    def decode(self, tensor: Tensor) -> Column:
        """(B, T) for one channel, else (B, T, C)."""
        values = self.scale.raw(tensor.detach().cpu().numpy().transpose(0, 2, 1))
        return values[:, :, 0] if values.shape[2] == 1 else values

    @property
    def port(self) -> Port:
        return Port(self.name, "series", (*self.scale.mean.shape, self.length))

    def state(self) -> dict[str, Any]:
        return {**self.scale.state(), "length": self.length}

    def restore(self, state: Mapping[str, Any]) -> Self:
        if not isinstance(state.get("length"), int):
            raise PackageRefusal("PACKAGE_ENCODING", "the length of a series cannot be read", where=f"encoding {self.name}")
        self.scale, self.length = Scale.restored(state, where=f"encoding {self.name}"), state["length"]
        return self


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
