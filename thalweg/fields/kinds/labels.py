"""Labels: any number of labels a row, as zeros and ones."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.printable import typed
from thalweg.core.registry import kind
from thalweg.fields.arrays import is_list, refuse_others, refuse_restored, refuse_shape, shown
from thalweg.fields.column import Column, Look, in_order, plain
from thalweg.fields.encoding import BadRows, Claim, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.restored import unreadable_encoding


@kind("labels", plural="label sets")
class Labels(Encoding):
    """Sets of labels as (N, C) float32 of zeros and ones; given as lists of labels, or as such an array."""

    values: list[Any]
    array: bool = False

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        if not look.target:
            return None
        if look.array is not None and len(look.shape) == 1:
            zeros_and_ones = bool(((look.array == 0) | (look.array == 1)).all())
            return Claim(0.6, f"{look.name}: {look.shape[0]} labels, several may hold") if zeros_and_ones else None
        sets = look.all_are(list, tuple, set) and all(isinstance(one, str | int) for row in look.sample for one in row)
        unique = sets and all(len(set(row)) == len(row) for row in look.sample)
        return (
            Claim(0.6, f"{look.name}: sets of labels ({typed('field', look.name, 'tokens')} for sequences)") if unique else None
        )

    @classmethod
    def example(cls) -> list[Column]:
        return [[["cat"], ["cat", "dog"], [], ["bird"]]]

    def check(self, columns: Sequence[Column]) -> None:
        if not (isinstance(columns[0], np.ndarray) and columns[0].ndim == 2 and columns[0].shape[1]):
            refuse_others(self.name, columns[0], lambda row: not is_list(row), rows="a list of labels")

    def fit(self, columns: Sequence[Column]) -> Self:
        column = columns[0]
        self.array = isinstance(column, np.ndarray)
        self.values = list(range(column.shape[1])) if isinstance(column, np.ndarray) else in_order(_found(column))
        return self

    def extend(self, columns: Sequence[Column]) -> Self:
        if not isinstance(columns[0], np.ndarray):
            self.values = self.values + in_order(_found(columns[0]) - set(self.values))
        return self

    def encode(self, columns: Sequence[Column]) -> Tensor:
        """(N, C) float32."""
        column = columns[0]
        if isinstance(column, np.ndarray):
            refuse_shape(self.name, column.shape[1:], (len(self.values),))
            wrong = ~((column == 0) | (column == 1)).all(axis=1)
            self._refuse({row: str(column[row])[:60] for row in np.flatnonzero(wrong).tolist()}, len(column))
            return torch.from_numpy(column.astype(np.float32))
        places = {value: i for i, value in enumerate(self.values)}
        unknown = {row: shown(one) for row, one in enumerate(column) if not set(map(plain, one)) <= set(places)}
        self._refuse(unknown, len(column))
        encoded = torch.zeros(len(column), len(self.values))
        for row, one in enumerate(column):
            encoded[row, [places[plain(label)] for label in one]] = 1.0
        return encoded

    def _refuse(self, reasons: dict[int, str], rows: int) -> None:
        if reasons:
            raise BadRows(
                "DATA_UNKNOWN_LABEL",
                reasons,
                field=self.name,
                rows=rows,
                why=f"{len(self.values)} labels are known: {', '.join(map(str, self.values[:8]))}",
                fix="correct these rows, or train on data that has them",
            )

    def decode(self, tensor: Tensor) -> Column:
        """The labels of each row whose value is above one half; an array of zeros and ones where such was given."""
        holds = (tensor.detach().cpu() > 0.5).numpy()
        if self.array:
            return holds.astype(np.int64)
        return [[value for value, held in zip(self.values, row, strict=True) if held] for row in holds.tolist()]

    @property
    def port(self) -> Port:
        return Port(self.name, "labels", (len(self.values),))

    def state(self) -> dict[str, Any]:
        return {"values": self.values, "array": self.array}

    def restore(self, state: Mapping[str, Any]) -> Self:
        if not isinstance(state.get("values"), list):
            raise unreadable_encoding("the labels of an encoding cannot be read", self.name)
        refuse_restored(self.name, state["values"])
        self.values, self.array = list(state["values"]), bool(state.get("array", False))
        return self


def _found(column: Sequence[Any]) -> set[Any]:
    return {plain(label) for row in column for label in row}
