"""Data frames of any library, by way of narwhals: pandas, Polars, Arrow tables and others."""

from typing import Any

import narwhals as nw
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
    """One column of a data frame: numbers without gaps as an array, everything else as a list with None for what is missing."""
    series = nw.from_native(given, series_only=True)
    numbers = series.dtype.is_numeric() or series.dtype == nw.Boolean
    return as_column(series.to_numpy() if numbers and not series.is_null().any() else series.to_list())


def _names(what: str) -> DataRefusal:
    return DataRefusal(
        "DATA_COLUMN_NAME",
        f"the data frame's columns cannot be named: {what}",
        why="each field is spoken of by one name, which is text",
        fix="rename the columns: frame.columns = [...]",
    )
