"""Vectors: a fixed number of floats a row, in any shape, each entry standardised by itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.printable import typed
from thalweg.core.registry import kind
from thalweg.fields.arrays import refuse_not_finite, refuse_shape, rows_of_floats
from thalweg.fields.column import Column, Look
from thalweg.fields.encoding import Claim, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.scale import Scale
from thalweg.fields.straight import Straight, straight_floats


@kind("vector", plural="vectors")
class Vector(Encoding):
    """Floats (N, ...) without order among their entries: measurements, observations, embeddings."""

    scale: Scale

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        if look.array is None or not look.shape:
            return None
        if len(look.shape) > 1 or look.target:
            return Claim(0.3, "")
        return Claim(
            0.5,
            f"{look.name}: vectors of {look.shape[0]} numbers (neighbours unrelated; {typed('field', look.name, 'series')})",
        )

    @classmethod
    def example(cls) -> list[Column]:
        return [np.array([[1.0, 200.0, 0.5], [2.0, 300.0, 0.5], [4.0, 100.0, 0.5]])]

    def check(self, columns: Sequence[Column]) -> None:
        self._floats(columns[0])

    def _floats(self, column: Column) -> np.ndarray:
        return rows_of_floats(self.name, column, axes=range(2, 7))

    def fit(self, columns: Sequence[Column]) -> Self:
        self.scale = Scale.of(self._floats(columns[0]))
        return self

    def encode(self, columns: Sequence[Column]) -> Tensor:
        """(N, ...) float32."""
        values = self._floats(columns[0])
        refuse_shape(self.name, values.shape[1:], self.scale.mean.shape)
        refuse_not_finite(self.name, values)
        return torch.from_numpy(self.scale.standardised(values))

    def straight(self, columns: Sequence[Column]) -> Straight | None:
        column = columns[0]
        if not isinstance(column, np.ndarray) or column.dtype.kind not in "biuf" or column.shape[1:] != self.scale.mean.shape:
            return None
        return straight_floats(column, self.scale, gaps=False)

    def decode(self, tensor: Tensor) -> Column:
        return self.scale.raw(tensor.detach().cpu().numpy())

    @property
    def port(self) -> Port:
        return Port(self.name, "vector", self.scale.mean.shape)

    def state(self) -> dict[str, Any]:
        return self.scale.state()

    def restore(self, state: Mapping[str, Any]) -> Self:
        self.scale = Scale.restored(state, self.name)
        return self
