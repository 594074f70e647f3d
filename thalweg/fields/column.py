"""Columns: one field's raw values, a row each, as an array or a list; what is missing, distinct or numeric in them."""

import math
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from thalweg.fields.repeated import Recurring
from thalweg.fields.sequences import alphabet_of
from thalweg.fields.words import words

Column = np.ndarray | list[Any]
"""One field's raw values, a row each."""
DAY = 86_400.0
"""Seconds."""
WORDY = 3
"""Words of letters in a row, on average, from which on text is prose."""


def as_column(values: Any) -> Column:
    """Values as an array or a list; arrays of Python objects become lists of what they hold.

    Lists of numbers (without gaps), and of sequences of numbers that agree in shape, become arrays.
    """
    if isinstance(values, Tensor):
        return values.detach().cpu().numpy()
    if isinstance(values, np.ndarray):
        return values.tolist() if values.dtype == object else values
    if isinstance(values, Recurring):
        return values
    values = list(values)
    if not values or not all(_numeric(value) for value in values[:100]):
        return values
    try:
        array = np.asarray(values)
    except (ValueError, TypeError):  # rows differ in length
        return values
    return array if array.dtype.kind in "biuf" else values


def _numeric(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    if isinstance(value, list | tuple):
        return len(value) > 0 and all(_numeric(inner) for inner in value[:20])
    return isinstance(value, bool | int | float | np.number | np.bool_)


def take(column: Column, rows: Sequence[int] | np.ndarray | Tensor) -> Column:
    """The rows of a column, in the order asked for."""
    index = np.asarray(rows, dtype=np.int64)
    return column[index] if isinstance(column, np.ndarray) else [column[i] for i in index.tolist()]


def missing(column: Column) -> np.ndarray:
    """(N,) bool: true where a value is absent: None, NaN, NaT or an empty string."""
    if isinstance(column, np.ndarray):
        return _missing_in_array(column)
    return np.fromiter((_absent(value) for value in column), dtype=bool, count=len(column))


def _missing_in_array(column: np.ndarray) -> np.ndarray:
    absent: Any
    if column.dtype.kind == "U":
        absent = column == ""
    elif column.dtype.kind == "M":
        absent = np.isnat(column)
    elif column.dtype.kind == "f":
        absent = np.isnan(column)
    else:
        return np.zeros(len(column), dtype=bool)
    return np.asarray(absent) if column.ndim == 1 else np.any(np.asarray(absent).reshape(len(column), -1), axis=1)


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value) or (isinstance(value, float) and math.isnan(value))


def floats(column: Column) -> np.ndarray:
    """The column as float64 (N, ...), NaN where a value is missing; dates become seconds since 1970.

    Raises:
        ValueError: a value is no number; the message holds it.
    """
    if isinstance(column, np.ndarray):
        if column.dtype.kind == "M":
            seconds = column.astype("datetime64[s]").astype(np.float64)
            return np.where(np.isnat(column), np.nan, seconds)
        return column.astype(np.float64)
    return np.asarray([math.nan if _absent(value) else value for value in column], dtype=np.float64)


def plain(value: Any) -> Any:
    """A value as plain Python: numpy scalars become the int, float, bool or str that they hold."""
    return value.item() if isinstance(value, np.generic) else value


def in_order(values: set[Any] | list[Any]) -> list[Any]:
    """Distinct values in a stable order: truth values, then numbers by size, then text."""

    def rank(value: Any) -> tuple[int, float, str]:
        if isinstance(value, bool):
            return 0, float(value), ""
        if isinstance(value, int | float):
            return 1, float(value), ""
        return 2, 0.0, str(value)

    return sorted(values, key=rank)


def first_seen(values: Sequence[Any]) -> tuple[list[Any], np.ndarray]:
    """The distinct values in the order in which they appear, and the (N,) index of each row's value."""
    places = {value: i for i, value in enumerate(dict.fromkeys(values))}
    return list(places), np.fromiter(map(places.__getitem__, values), np.int64, len(values))


def coded(column: Column) -> tuple[list[Any], np.ndarray]:
    """The distinct values of a one-dimensional column in order, and the (N,) index of each row's value; -1 where missing."""
    absent = missing(column)
    if isinstance(column, np.ndarray) and column.dtype.kind == "U":  # five times faster than sorting all rows
        texts = column.tolist()
        keep = sorted({*texts} - {""})
        at = {text: i for i, text in enumerate(keep)} | {"": -1}
        codes = np.asarray(list(map(at.__getitem__, texts)), dtype=np.int64)
    elif isinstance(column, np.ndarray):
        found, index = np.unique(column, return_inverse=True)
        there = ~missing(found)
        keep = found[there].tolist()
        codes = np.where(there, np.cumsum(there) - 1, -1)[index.reshape(-1)]
    else:
        present = [plain(value) for value, gone in zip(column, absent, strict=True) if not gone]
        keep = in_order(set(present))
        places = {value: i for i, value in enumerate(keep)}
        codes = np.full(len(column), -1, dtype=np.int64)
        codes[~absent] = [places[value] for value in present]
    codes[absent] = -1
    return keep, codes


class Look:
    """A first look at a column, shared by all kinds that may recognise it.

    Attributes:
        name: the field's name.
        column: its values, as `as_column` gives them.
        target: it is to be predicted.
    """

    def __init__(self, name: str, column: Column, *, target: bool = False) -> None:
        self.name, self.column, self.target = name, as_column(column), target

    def __len__(self) -> int:
        return len(self.column)

    @property
    def array(self) -> np.ndarray | None:
        """The column where it is one array of numbers, else None."""
        return self.column if isinstance(self.column, np.ndarray) and self.column.dtype.kind in "biuf" else None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row where the column is an array; () for a list."""
        return self.column.shape[1:] if isinstance(self.column, np.ndarray) else ()

    @cached_property
    def sample(self) -> list[Any]:
        """Up to 50 values that are not missing, spread evenly."""
        step = max(1, len(self.column) // 50)
        return [plain(value) for value in self.column[::step] if not _absent(value)][:50]

    def all_are(self, *types: type) -> bool:
        """Every sampled value is of one of these types."""
        return bool(self.sample) and all(isinstance(value, types) for value in self.sample)

    @cached_property
    def scalar(self) -> bool:
        """One plain value a row: numbers, text, truth values or dates."""
        if isinstance(self.column, np.ndarray):
            return self.column.ndim == 1
        return all(value is None or isinstance(value, str | bool | int | float | np.generic) for value in self.column)

    @cached_property
    def numeric(self) -> bool:
        """One number or date a row; truth values are none."""
        if isinstance(self.column, np.ndarray):
            return self.column.ndim == 1 and self.column.dtype.kind in "iufM"
        return self.scalar and all(value is None or _is_number(value) for value in self.column)

    @cached_property
    def whole(self) -> bool:
        """One number a row, none with a fraction."""
        if not self.numeric or (isinstance(self.column, np.ndarray) and self.column.dtype.kind == "M"):
            return False
        values = floats(self.column)
        values = values[np.isfinite(values)]
        return bool((values == np.round(values)).all())

    @cached_property
    def unix_seconds(self) -> bool:
        """Many different whole numbers that are seconds since 1970, all of them of the years 1990 to 2035."""
        if not self.whole or self.shape:
            return False
        values = floats(self.column)
        there = values[np.isfinite(values)]
        return bool(((there > 631e6) & (there < 2.08e9)).all()) and len(np.unique(there)) > 20

    @cached_property
    def distinct(self) -> list[Any]:
        """The distinct values of a column of scalars, in order."""
        if self.array is None:
            return coded(self.column)[0]
        found = np.unique(self.array, return_counts=True)[0]  # with counts numpy sorts, which takes less than its hashing
        return found[~missing(found)].tolist()

    @cached_property
    def constant(self) -> bool:
        """All rows of a column of scalars have one value, and none is missing."""
        if isinstance(self.column, np.ndarray):
            return bool((self.column == self.column[:1]).all()) and not missing(self.column[:1]).any()
        return len(self.distinct) == 1 and not missing(self.column).any()

    @cached_property
    def wordy(self) -> bool:
        """Prose: text, of several words a row rather than a name or a code."""
        if not self.all_are(str) or not self.scalar:
            return False
        lengths = [sum(word[0].isalpha() for word in words(value[:1000])) for value in self.sample]
        return sum(lengths) >= WORDY * len(lengths)

    @cached_property
    def alphabet(self) -> str:
        """The name of the letters that every row is a sequence of (nucleotides, atoms); empty where they are none."""
        return alphabet_of(self.sample) if self.all_are(str) and self.scalar else ""

    @property
    def legible(self) -> bool:
        """Text whose parts tell something: prose, or sequences of letters."""
        return self.wordy or self.alphabet != ""

    @cached_property
    def files(self) -> bool:
        """Every sampled value is the path of a file."""
        if self.array is not None:
            return False
        if self.all_are(Path):
            return True
        return self.all_are(str) and all(os.path.isfile(value) for value in self.sample[:10])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
