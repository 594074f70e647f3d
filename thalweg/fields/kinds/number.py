"""Numbers: the numeric columns of a table as one tensor, or one number to be predicted."""

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeGuard

import numpy as np
import torch
from torch import Tensor

from thalweg.core.errors import DataRefusal
from thalweg.core.printable import typed
from thalweg.core.registry import kind
from thalweg.fields.adjoining import matrix_of
from thalweg.fields.arrays import is_scalar, not_finite, shown
from thalweg.fields.column import DAY, Column, Look, floats, missing
from thalweg.fields.encoding import BadRows, Claim, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.scale import Scale
from thalweg.fields.straight import Straight, straight_floats


@kind("number", plural="numbers")
class Number(Encoding):
    """One number a row, standardised by the training rows; the numbers of a table together as (N, d) float32.

    A missing input counts as the mean. Weights are kept as they are. Moments count as days since 1970.
    """

    grouped = True
    written = "number"
    scale: Scale

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        return Claim(0.5, "") if look.numeric else None

    @classmethod
    def example(cls) -> list[Column]:
        return [np.array([1.0, 2.0, 4.0, 8.0, 16.5]), np.array([-3, 0, 5, 5, 1])]

    def check(self, columns: Sequence[Column]) -> None:
        for name, column in zip(self.fields, columns, strict=True):
            if not _of_numbers(column):
                self._floats(name, column)

    def fit(self, columns: Sequence[Column]) -> Self:
        values = self._stacked(columns).astype(np.float64)
        self.scale = Scale.none(values.shape[1:]) if self.role == "weight" else Scale.of(values)
        return self

    def encode(self, columns: Sequence[Column]) -> Tensor:
        """(N, d) float32."""
        values = self._stacked(columns)
        if not np.isfinite(values).all():
            for name, column in zip(self.fields, values.T, strict=True):
                self._refuse(name, not_finite(column, nan_allowed=self.role == "input"), len(column))
        if self.role == "weight":
            _refuse_weights(self.name, values[:, 0])
        return torch.from_numpy(self.scale.standardised(values))

    def straight(self, columns: Sequence[Column]) -> Straight:
        return straight_floats(self._stacked(columns), self.scale, gaps=True)

    def _stacked(self, columns: Sequence[Column]) -> np.ndarray:
        """(N, d) numbers, in float64 unless they lie so already; not to be written to."""
        matrix = matrix_of(columns)
        if matrix is not None:
            return matrix
        ready = [one if _of_numbers(one) else self._floats(name, one) for name, one in zip(self.fields, columns, strict=True)]
        return np.stack(ready, axis=1).astype(np.float64, copy=False)

    def _floats(self, name: str, column: Column) -> np.ndarray:
        try:
            values = floats(column)
        except (TypeError, ValueError):
            self._refuse(name, _not_numbers(column), len(column))
            raise
        if values.ndim == 1:
            return values / DAY if _of_moments(column) else values
        raise DataRefusal(
            "DATA_SHAPE",
            f'"{name}" has {values.ndim - 1} axes in a row, a number has none',
            where=f"field {name}, shape {values.shape}",
            why="a column of numbers holds one a row",
            fix=typed("field", name, "vector"),
        )

    def _refuse(self, name: str, reasons: dict[int, str], rows: int) -> None:
        if reasons:
            raise BadRows(
                "DATA_NOT_NUMBERS",
                reasons,
                field=name,
                rows=rows,
                why="text, infinity and, in a target, gaps cannot be reckoned with as numbers",
                fix="correct or leave out the rows; when training, --missing WORD, "
                f"{typed('field', name, 'category')} or {typed('ignore', name)}",
            )

    def decode(self, tensor: Tensor) -> Column:
        """Raw units: (B,) for one field, (B, d) for several."""
        raw = self.scale.raw(tensor.detach().cpu().double().numpy().reshape(len(tensor), -1))
        return raw[:, 0] if len(self.fields) == 1 else raw

    def summary(self, columns: Sequence[Column]) -> str:
        values = self._stacked(columns).astype(np.float64)
        values = values[np.isfinite(values)]
        sort = "days since 1970" if any(map(_of_moments, columns)) else "numbers"
        return f"{sort} from {_figure(values.min())} to {_figure(values.max())}" if len(values) else sort

    def remarks(self, columns: Sequence[Column]) -> list[str]:
        matrix = matrix_of(columns)
        if matrix is not None and not np.isnan(matrix.max(initial=0)):  # NaN is the largest of all
            return []
        gaps = {name: int(missing(column).sum()) for name, column in zip(self.fields, columns, strict=True)}
        shown = ", ".join(f"{count:,} in {name}" for name, count in gaps.items() if count)
        return [f"gaps count as the mean: {shown}"] if shown else []

    def unreadable(self, columns: Sequence[Column]) -> dict[str, dict[int, str]]:
        return {name: _words(column) for name, column in zip(self.fields, columns, strict=True)}

    @property
    def port(self) -> Port:
        return Port(self.name, "numbers" if self.role == "input" else "number", (len(self.fields),))

    def state(self) -> dict[str, Any]:
        return self.scale.state()

    def restore(self, state: Mapping[str, Any]) -> Self:
        self.scale = Scale.restored(state, self.name)
        return self


def _of_numbers(column: Column) -> TypeGuard[np.ndarray]:
    return isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "biuf"


def _of_moments(column: Column) -> bool:
    return isinstance(column, np.ndarray) and column.dtype.kind == "M"


def _figure(value: float) -> str:
    """A number for people: six digits that count, thousands apart, powers of ten only beyond a thousand billions."""
    shown = f"{value:,.0f}" if 1e5 <= abs(value) < 1e15 else f"{value:,.6g}"
    return shown.replace("-", "−") if shown.startswith("-") else shown


def _refuse_weights(name: str, weights: np.ndarray) -> None:
    """Raise BadRows for weights (N,) below zero, or where all are zero."""
    wrong = np.flatnonzero(weights < 0) if weights.any() else np.arange(len(weights))
    if len(wrong):
        raise BadRows(
            "DATA_BAD_WEIGHTS",
            {row: str(weights[row]) if weights[row] else "zero, as all are" for row in wrong.tolist()},
            field=name,
            rows=len(weights),
            why="a weight says how much a row counts: zero or more, not zero in all rows",
            fix=f"correct them, or {typed('ignore', name)}",
        )


def _words(column: Column) -> dict[int, str]:
    """Row number to text that is no number."""
    if _of_numbers(column):
        return {}
    try:
        floats(column)
    except (TypeError, ValueError):
        return {row: text for row, text in _not_numbers(column).items() if isinstance(column[row], str)}
    return {}


def _not_numbers(column: Column) -> dict[int, str]:
    reasons = {}
    for row, value in enumerate(column):
        try:
            wrong = not is_scalar(value) or floats([value]).ndim != 1
        except (TypeError, ValueError):
            wrong = True
        if wrong:
            reasons[row] = shown(value)
    return reasons
