"""One column as detectors see it: its distinct values, what is missing under which spelling, and its numbers."""

import math
from functools import cached_property
from types import NoneType
from typing import Any

import numpy as np

from thalweg.fields.column import Column, Look, as_column, first_seen, plain
from thalweg.fields.encoding import Role

SPELLINGS = frozenset(
    (
        "",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "#na",
        "?",
        "-",
        "--",
        ".",
        "null",
        "none",
        "nan",
        "nil",
        "nat",
        "<na>",
        "missing",
        "n.d.",
    )
)
"""Ways in which people write that a value is missing, in lower case."""
NUMERIC = 0.9
"""Least share of a column's values that read as numbers where it counts as a column of numbers."""


class Seen:
    """One column.

    Attributes:
        name: the field's name.
        kind: the kind it is taken for; None where it is left out.
        role: what it is for.
        column: its values (N), as training reads them.
    """

    def __init__(self, name: str, column: Column, kind: str | None, role: Role, *, raw: Column | None = None) -> None:
        self.name, self.kind, self.role, self.column = name, kind, role, as_column(column)
        self._raw = raw

    @cached_property
    def written(self) -> "Seen":
        """The column as it was written, before spellings of missing and numbers in words were read."""
        return self if self._raw is None else Seen(self.name, self._raw, self.kind, self.role)

    def __len__(self) -> int:
        return len(self.column)

    @cached_property
    def look(self) -> Look:
        """A first look at the values, as kinds take it."""
        return Look(self.name, self.column, target=self.role == "target")

    @cached_property
    def plain(self) -> bool:
        """One plain value a row: a number, a word, a truth value or a date; neither files nor arrays."""
        return self.look.scalar and not self.look.files

    @cached_property
    def array(self) -> np.ndarray | None:
        """The column where it is an array of numbers, which needs no look at each value; else None."""
        return self.column if isinstance(self.column, np.ndarray) and self.column.dtype.kind in "biuf" else None

    @cached_property
    def _distinct(self) -> tuple[np.ndarray | list[Any], np.ndarray]:
        if isinstance(self.column, np.ndarray) and self.column.dtype.kind == "U":  # many times faster than to sort all rows
            texts, index = first_seen(self.column.tolist())
            found, place = np.unique(np.asarray(texts, dtype=self.column.dtype), return_inverse=True)
            return found, place[index]
        if isinstance(self.column, np.ndarray):
            found, index = np.unique(self.column, return_inverse=True)
            return found, index.reshape(-1)
        if set(map(type, self.column)) <= {str, NoneType}:
            return first_seen(self.column)
        keys, index = first_seen([_key(value) for value in self.column])
        return [value for _, value in keys], index

    @cached_property
    def _occurring(self) -> tuple[np.ndarray | list[Any], np.ndarray]:
        """The distinct values, and how many rows have each; of numbers in a third of the time that `_distinct` takes."""
        if self.array is not None:
            return np.unique(self.array, return_counts=True)
        found, index = self._distinct
        return found, np.bincount(index, minlength=len(found))

    @cached_property
    def values(self) -> list[Any]:
        """The distinct raw values."""
        found = self._occurring[0]
        return found.tolist() if isinstance(found, np.ndarray) else found

    @property
    def occurrences(self) -> np.ndarray:
        """(V,) how many rows have each of `values`."""
        return self._occurring[1]

    @property
    def index(self) -> np.ndarray:
        """(N,) the place of each row's value among `values`."""
        return self._distinct[1]

    @cached_property
    def spelt(self) -> np.ndarray:
        """(V,) bool: distinct values that say that there is none."""
        if self.array is not None:
            return np.isnan(self._read)
        return np.fromiter((_absent(value) for value in self.values), bool, len(self.values))

    @cached_property
    def missing(self) -> np.ndarray:
        """(N,) bool: there is no value, however that is spelt."""
        if self.array is not None:
            return np.isnan(self.numbers)
        return self.spelt[self.index]

    @cached_property
    def _read(self) -> np.ndarray:
        """(V,) float64: the distinct values as numbers, NaN where they are none."""
        found = self._occurring[0]
        if self.array is not None:
            return np.asarray(found, dtype=np.float64) + 0.0  # of minus zero and zero a sort may leave either
        if isinstance(found, np.ndarray) and found.dtype.kind == "M":
            return np.where(np.isnat(found), np.nan, found.astype("datetime64[s]").astype(np.float64))
        return np.fromiter((_number(value) for value in self.values), np.float64, len(self.values))

    @cached_property
    def numbers(self) -> np.ndarray:
        """(N,) float64: what reads as a number, NaN elsewhere."""
        if self.array is not None:
            return self.array.reshape(-1).astype(np.float64) + 0.0  # which makes minus zero zero, as it is one value with it
        return self._read[self.index]

    @cached_property
    def numeric(self) -> bool:
        """At least nine in ten of the values that are there read as numbers."""
        present = int((~self.missing).sum())
        return present > 0 and int(np.isfinite(self.numbers).sum()) >= NUMERIC * present

    @cached_property
    def whole(self) -> bool:
        """Numbers without a fraction."""
        there = self.numbers[np.isfinite(self.numbers)]
        return self.numeric and bool((there == np.round(there)).all())

    @cached_property
    def _level(self) -> np.ndarray:
        """(V,) int64: the place among `levels` of each distinct value, -1 where it says that there is none."""
        if self.array is not None:
            level = np.full(len(self._read), -1, dtype=np.int64)
            rising = self._read[~self.spelt]
            level[~self.spelt] = np.cumsum(np.append(False, rising[1:] != rising[:-1]))[: len(rising)]
            return level
        names: dict[str, int] = {}
        words = zip(self.spelt.tolist(), self._words, strict=True)
        return np.asarray([-1 if gone else names.setdefault(word, len(names)) for gone, word in words], dtype=np.int64)

    @property
    def _words(self) -> list[str]:
        pairs = zip(self.values, self._read.tolist(), strict=True)
        return [str(value).strip().casefold() if math.isnan(number) else f"{number:.17g}" for value, number in pairs]

    @cached_property
    def levels(self) -> list[str]:
        """The distinct values, equal where they differ in case, blanks around them or the way a number is written."""
        named = {level: word for level, word in zip(self._level.tolist(), self._words, strict=True) if level >= 0}
        return list(named.values())

    def said(self, level: int) -> str:
        """A level as one of its values is written; a number in as few digits as tell it."""
        value = self.values[int(np.argmax(self._level == level))]
        return f"{value:.12g}" if isinstance(value, float) else str(value).strip()

    @cached_property
    def distinct(self) -> int:
        """How many levels there are, without spelling them."""
        return int(self._level.max(initial=-1)) + 1

    @property
    def varies(self) -> bool:
        """It has two different values, or one beside gaps."""
        return self.distinct + bool(self.missing.any()) > 1

    @cached_property
    def codes(self) -> np.ndarray:
        """(N,) int64: the place of each row's value among `levels`, -1 where it is missing."""
        return self._level[self.index]

    @cached_property
    def counts(self) -> np.ndarray:
        """(levels,) how many rows have each value."""
        there = self._level >= 0
        rows = np.bincount(self._level[there], self.occurrences[there], minlength=self.distinct)
        return rows.astype(np.int64)


def _key(value: Any) -> tuple[type, Any]:
    """What tells values of a list apart: 1, 1.0 and True are not the same word; NaN is one value."""
    value = plain(value)
    if isinstance(value, float) and math.isnan(value):
        return float, None
    return (type(value), value) if isinstance(value, str | int | float | bool) or value is None else (str, str(value))


def _absent(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) < 12 and value.strip().casefold() in SPELLINGS
    return value is None or (isinstance(value, float) and math.isnan(value))


def _number(value: Any) -> float:
    if isinstance(value, bool | int | float):
        return float(value) if abs(value) < 1e300 else math.nan
    if not isinstance(value, str) or len(value) > 40 or "_" in value:
        return math.nan
    try:
        number = float(value)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
