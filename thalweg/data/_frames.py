"""Data frames of any library, by way of narwhals: pandas, Polars, Arrow tables and others."""

import math
from datetime import UTC, datetime, time
from typing import Any

import narwhals as nw
import numpy as np
from narwhals.dependencies import is_into_dataframe, is_into_series
from narwhals.exceptions import NarwhalsError

from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown
from thalweg.fields.column import Column, as_column


def is_frame(given: Any) -> bool:
    """Whether something is a data frame."""
    return bool(is_into_dataframe(given))


def is_series(given: Any) -> bool:
    """Whether something is one column of a data frame."""
    return bool(is_into_series(given))


def frame_columns(given: Any) -> dict[str, Column]:
    """The columns of a data frame by name.

    Raises:
        DataRefusal: two columns have one name, or a name is no text.
    """
    try:
        frame = nw.from_native(given, eager_only=True)
        names = list(frame.columns)
        columns = {name: series_column(frame[name]) for name in names}
    except NarwhalsError as error:
        raise _names(shown(" ".join(str(error).split())[:120])) from None
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise _names(f"{shown(repr(odd[0]))} is no text")
    return columns


def series_column(given: Any) -> Column:
    """One column of a data frame: numbers and dates as an array, everything else as a list with None for what is missing.

    Moments with a time zone become those of UTC, durations seconds.
    """
    series = nw.from_native(given, series_only=True)
    gaps = bool(series.is_null().any())
    if isinstance(series.dtype, nw.Datetime | nw.Date):
        return _moments(series)
    if series.dtype == nw.Duration:
        return np.asarray([math.nan if one is None else one.total_seconds() for one in series.to_list()])
    if series.dtype.is_numeric():
        plain = series.dtype.is_integer() or series.dtype.is_float()
        return as_column(series.to_numpy() if plain and not gaps else series.cast(nw.Float64).to_numpy().astype(np.float64))
    if series.dtype == nw.Boolean and not gaps:
        return as_column(series.to_numpy())
    return as_column([str(one) if isinstance(one, time) else one for one in _without_nan(series.to_list())])


def _moments(series: nw.Series[Any]) -> np.ndarray:
    """Dates and moments as datetime64 in microseconds, those with a zone in UTC."""
    found = [None if one is None else one for one in series.to_list()]
    ready = [one.astimezone(UTC).replace(tzinfo=None) if isinstance(one, datetime) and one.tzinfo else one for one in found]
    return np.asarray(
        [np.datetime64("NaT") if one is None else np.datetime64(one, "us") for one in ready], dtype="datetime64[us]"
    )


def _without_nan(values: list[Any]) -> list[Any]:
    """The values of a column of objects, what pandas writes for a gap as None."""
    return [None if isinstance(one, float) and math.isnan(one) else one for one in values]


def _names(what: str) -> DataRefusal:
    return DataRefusal(
        "DATA_COLUMN_NAME",
        f"the data frame's columns cannot be named: {what}",
        why="each field is spoken of by one name, which is text",
        fix="rename the columns: frame.columns = [...]",
    )
