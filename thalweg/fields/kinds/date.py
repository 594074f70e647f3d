"""Dates: moments of a table as how far along they lie and where in the year, the month, the week and the day."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.printable import typed
from thalweg.core.registry import kind
from thalweg.fields.arrays import shown
from thalweg.fields.column import DAY, Column, Look, missing
from thalweg.fields.encoding import BadRows, Claim, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.restored import unreadable_encoding
from thalweg.fields.scale import Scale

UNITS = (DAY, 3600.0, 60.0, 1.0)
"""Seconds; the longest of which all moments of training are multiples is what decoded ones are rounded to."""
ROUNDS = ("year", "month", "week", "day")
"""Cycles that a moment may stand at a place of."""


@kind("date", plural="dates")
class Date(Encoding):
    """Moments as float32 (N, k), the dates of a table together; each number standardised by the training rows.

    A field becomes how far along it lies, in days, and the sine and cosine of its place in each cycle in which the training
    rows differ (year, month, week, day); and, where training has gaps, whether it is missing.
    """

    grouped = True
    written = "date"
    parts: list[list[str]]
    units: list[float]
    scale: Scale

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        dates = isinstance(look.column, np.ndarray) and look.column.dtype.kind == "M" and look.column.ndim == 1
        return Claim(0.8, "") if dates and not look.target else None

    @classmethod
    def example(cls) -> list[Column]:
        days = ["2024-01-01", "2024-02-29", "2024-03-03", "2024-07-14", "2024-12-31"]
        times = ["2024-01-01T08:30", "2024-01-01T23:15", "2024-01-02T00:00", "2024-01-04T12:45", "2024-01-09T06:00"]
        return [np.array(days, dtype="datetime64[us]"), np.array(times, dtype="datetime64[us]")]

    def check(self, columns: Sequence[Column]) -> None:
        for name, column in zip(self.fields, columns, strict=True):
            _moments(name, column)

    def fit(self, columns: Sequence[Column]) -> Self:
        seconds = [_moments(name, column) for name, column in zip(self.fields, columns, strict=True)]
        self.parts = [["days", *_varying(one), *(["gap"] if np.isnan(one).any() else [])] for one in seconds]
        self.units = [_unit(one) for one in seconds]
        self.scale = Scale.of(self._numbers(seconds))
        return self

    def encode(self, columns: Sequence[Column]) -> Tensor:
        """(N, k) float32."""
        seconds = [_moments(name, column) for name, column in zip(self.fields, columns, strict=True)]
        if self.role == "target":
            self._refuse_gaps(seconds[0])
        return torch.from_numpy(self.scale.standardised(self._numbers(seconds)))

    def _numbers(self, seconds: Sequence[np.ndarray]) -> np.ndarray:
        """(N, k) float64: the parts of all fields side by side; NaN where a moment is missing."""
        columns = [_part(one, part) for one, parts in zip(seconds, self.parts, strict=True) for part in parts]
        return np.stack([column for part in columns for column in part], axis=1)

    def _refuse_gaps(self, seconds: np.ndarray) -> None:
        gone = np.flatnonzero(np.isnan(seconds)).tolist()
        if gone:
            raise _bad(self.name, dict.fromkeys(gone, "missing"), len(seconds))

    def decode(self, tensor: Tensor) -> Column:
        """Moments (B,) of one field, (B, d) of several, rounded to what training told apart; missing ones are NaT."""
        raw = self.scale.raw(tensor.detach().cpu().double().numpy().reshape(len(tensor), -1))
        columns, start = [], 0
        for parts, unit in zip(self.parts, self.units, strict=True):
            seconds = np.round(raw[:, start] * DAY / unit) * unit
            width = sum(1 if part in ("days", "gap") else 2 for part in parts)
            gone = raw[:, start + width - 1] > 0.5 if "gap" in parts else np.zeros(len(raw), dtype=bool)
            moments = (seconds * 1e6).astype(np.int64).astype("datetime64[us]")
            columns.append(np.where(gone, np.datetime64("NaT"), moments))
            start += width
        return columns[0] if len(self.fields) == 1 else np.stack(columns, axis=1)

    def summary(self, columns: Sequence[Column]) -> str:
        there = [
            one[~np.isnan(one)] for name, column in zip(self.fields, columns, strict=True) for one in [_moments(name, column)]
        ]
        seconds = np.concatenate(there)
        return f"dates from {_day(seconds.min())} to {_day(seconds.max())}" if len(seconds) else "dates"

    def remarks(self, columns: Sequence[Column]) -> list[str]:
        gaps = {name: int(missing(column).sum()) for name, column in zip(self.fields, columns, strict=True)}
        listed = ", ".join(f"{name} {count:,}" for name, count in gaps.items() if count)
        return [f"dates that are missing count as the mean one: {listed}"] if listed else []

    def unreadable(self, columns: Sequence[Column]) -> dict[str, dict[int, str]]:
        return {name: _words(column) for name, column in zip(self.fields, columns, strict=True)}

    @property
    def notes(self) -> list[str]:
        told = ", ".join(f"{name} ({', '.join(parts)})" for name, parts in zip(self.fields, self.parts, strict=True))
        return [f"dates as numbers: {told}"] if self.role == "input" else []

    @property
    def port(self) -> Port:
        return Port(self.name, "dates", (len(self.scale.mean),))

    def state(self) -> dict[str, Any]:
        return {"parts": self.parts, "units": self.units, **self.scale.state()}

    def restore(self, state: Mapping[str, Any]) -> Self:
        self.scale = Scale.restored(state, self.name)
        parts, units = state.get("parts"), state.get("units")
        whole = isinstance(parts, list) and isinstance(units, list) and len(parts) == len(units) == len(self.fields)
        if not whole or not _fit_together(parts, units, len(self.scale.mean)):  # type: ignore[arg-type]
            raise unreadable_encoding("the parts of a date cannot be read", self.name)
        self.parts, self.units = [list(one) for one in parts or []], [float(unit) for unit in units or []]
        return self


def _fit_together(parts: list[Any], units: list[Any], width: int) -> bool:
    known = ("days", *ROUNDS, "gap")
    named = all(isinstance(one, list) and one[:1] == ["days"] and all(part in known for part in one) for one in parts)
    return named and all(unit in UNITS for unit in units) and sum(_width(part) for one in parts for part in one) == width


def _width(part: str) -> int:
    return 2 if part in ROUNDS else 1


def _moments(name: str, column: Column) -> np.ndarray:
    """(N,) float64 seconds since 1970, NaN where missing.

    Raises:
        BadRows: values that are no moments.
    """
    if isinstance(column, np.ndarray) and column.dtype.kind == "M" and column.ndim == 1:
        return np.where(np.isnat(column), np.nan, column.astype("datetime64[us]").astype(np.int64) / 1e6)
    absent, reasons = missing(column), _no_moments(column)
    if reasons:
        raise _bad(name, reasons, len(column))
    ready = [np.datetime64("NaT") if gone else value for value, gone in zip(column, absent, strict=True)]
    return _moments(name, np.asarray(ready, dtype="datetime64[us]"))


def _no_moments(column: Column) -> dict[int, str]:
    """Row number to a value that is there and no moment."""
    absent = missing(column)
    return {row: shown(value) for row, value in enumerate(column) if not absent[row] and not isinstance(value, np.datetime64)}


def _words(column: Column) -> dict[int, str]:
    """Row number to text that is no moment."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "M":
        return {}
    return {row: text for row, text in _no_moments(column).items() if isinstance(column[row], str)}


def _bad(name: str, reasons: dict[int, str], rows: int) -> BadRows:
    return BadRows(
        "DATA_NOT_DATES",
        reasons,
        field=name,
        rows=rows,
        why="each row must be a date, or missing where the field is an input",
        fix=f"correct these rows (2024-12-31, or as in training), or say what the field is: {typed('field', name, 'category')}",
    )


def _part(seconds: np.ndarray, part: str) -> list[np.ndarray]:
    """One part of moments (N,) as one or two columns."""
    if part == "days":
        return [seconds / DAY]
    if part == "gap":
        return [np.isnan(seconds).astype(np.float64)]
    angle = 2 * np.pi * _place(seconds, part)
    return [np.sin(angle), np.cos(angle)]


def _place(seconds: np.ndarray, cycle: str) -> np.ndarray:
    """Where in a cycle moments (N,) stand, in [0, 1); NaN where missing."""
    known = np.where(np.isnan(seconds), 0.0, seconds)
    days = np.floor(known / DAY).astype(np.int64)
    dates = days.astype("datetime64[D]")
    if cycle == "day":
        place = known / DAY - days
    elif cycle == "week":
        place = (days + 3) % 7 / 7  # the first of January 1970 was a Thursday; weeks begin on Monday
    else:
        unit = {"year": "Y", "month": "M"}[cycle]
        begin = dates.astype(f"datetime64[{unit}]")
        end = (begin + 1).astype("datetime64[D]")
        begin = begin.astype("datetime64[D]")
        place = (dates - begin).astype(np.float64) / (end - begin).astype(np.float64)
    return np.where(np.isnan(seconds), np.nan, place)


def _varying(seconds: np.ndarray) -> list[str]:
    """The cycles in which moments (N,) stand at more than one place."""
    there = seconds[~np.isnan(seconds)]
    return [cycle for cycle in ROUNDS if len(there) and np.ptp(_place(there, cycle)) > 1e-9]


def _unit(seconds: np.ndarray) -> float:
    there = seconds[~np.isnan(seconds)]
    return next((unit for unit in UNITS if not np.any(there % unit)), 1.0)


def _day(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))
