"""Data frames of any library, by way of narwhals: pandas, Polars, Arrow tables and others.

narwhals takes a tenth of a second to import, and is imported where something may be a frame.
"""

import math
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown
from thalweg.fields.column import Column, as_column
from thalweg.fields.repeated import Recurring

if TYPE_CHECKING:
    import narwhals as nw

NO_FRAMES = {"builtins", "numpy", "torch", "scipy"}
"""Packages whose own types are no frames."""


def is_frame(given: Any) -> bool:
    """Whether something is a data frame, a lazy one of Polars or a batch of Arrow among them."""
    if _is_none(given):
        return False
    from narwhals.dependencies import is_into_dataframe, is_polars_lazyframe

    return bool(is_into_dataframe(given)) or bool(is_polars_lazyframe(given)) or _is_batch(given)


def is_series(given: Any) -> bool:
    """Whether something is one column of a data frame."""
    if _is_none(given):
        return False
    from narwhals.dependencies import is_into_series

    return bool(is_into_series(given))


def _is_none(given: Any) -> bool:
    """Of a type that can be told from frames and their columns by its package."""
    return type(given).__module__.partition(".")[0] in NO_FRAMES


def _is_batch(given: Any) -> bool:
    arrow = sys.modules.get("pyarrow")
    return arrow is not None and isinstance(given, arrow.RecordBatch)


def _at_hand(given: Any) -> Any:
    """The frame as narwhals reads it, what is lazy collected."""
    import narwhals as nw
    from narwhals.dependencies import is_polars_lazyframe

    if _is_batch(given):
        return nw.from_native(sys.modules["pyarrow"].Table.from_batches([given]), eager_only=True)
    return nw.from_native(given.collect() if is_polars_lazyframe(given) else given, eager_only=True)


def frame_columns(given: Any) -> dict[str, Column]:
    """The columns of a data frame by name; numbers that stand for names are written out.

    Raises:
        DataRefusal: two columns have one name, or a name is neither text nor a number.
    """
    from narwhals.exceptions import NarwhalsError

    try:
        frame = _at_hand(given)
        names: list[Any] = list(frame.columns)
        odd = [name for name in names if not isinstance(name, str | int | np.integer)]
        if odd:
            raise _names(f"{shown(repr(odd[0]))} is no text")
        columns = {str(name): series_column(series) for name, series in zip(names, frame.iter_columns(), strict=True)}
    except NarwhalsError as error:
        raise _names(shown(" ".join(str(error).split())[:120])) from None
    if len(columns) < len(names):
        raise _names("a number and a text are the same name")
    return columns


def categories_of(given: Any) -> list[str]:
    """The names of columns that a frame itself calls categories."""
    import narwhals as nw

    schema = _at_hand(given).schema
    return [str(name) for name, dtype in schema.items() if isinstance(dtype, nw.Categorical | nw.Enum)]


def index_notes(given: Any) -> list[str]:
    """A sentence where a frame has row labels of its own, which are not read."""
    import narwhals as nw
    from narwhals.dependencies import is_polars_lazyframe

    index = None if _is_batch(given) or is_polars_lazyframe(given) else nw.maybe_get_index(nw.from_native(given))
    if index is None or type(index).__name__ == "RangeIndex":
        return []
    named = f" {shown(str(index.name))}" if index.name is not None else ""
    return [f"the index{named} of the frame is left out (frame.reset_index() makes it a column)"]


def series_column(given: Any) -> Column:
    """One column of a data frame: numbers and dates as an array, everything else as a list with None for what is missing.

    Moments with a time zone become those of UTC, durations seconds.
    """
    import narwhals as nw

    series = given if isinstance(given, nw.Series) else nw.from_native(given, series_only=True)
    gaps = bool(series.is_null().any())
    if isinstance(series.dtype, nw.Datetime | nw.Date):
        return _moments(series.to_list())
    if series.dtype == nw.Duration:
        return np.asarray([math.nan if one is None else one.total_seconds() for one in series.to_list()])
    if series.dtype.is_numeric():
        plain = series.dtype.is_integer() or series.dtype.is_float()
        return as_column(series.to_numpy() if plain and not gaps else series.cast(nw.Float64).to_numpy().astype(np.float64))
    if series.dtype == nw.Boolean and not gaps:
        return as_column(series.to_numpy())
    return _recurring(series) or _objects(series)


def _recurring(series: "nw.Series[Any]") -> Recurring | None:
    """A column of texts most of which recur, by the codes that Arrow gives them; None where it is no such column.

    Texts that lie in Arrow's memory, as those of pandas 3, need not become Python's one by one.
    """
    import narwhals as nw

    if series.dtype not in (nw.String, nw.Categorical, nw.Enum) or "pyarrow" not in sys.modules or not len(series):
        return None
    import pyarrow

    try:
        array = series.to_arrow()
    except (pyarrow.ArrowException, TypeError, ValueError):  # numbers among the texts, or half surrogates
        return None
    coded = array if pyarrow.types.is_dictionary(array.type) else array.dictionary_encode()
    texts = coded.dictionary.to_pylist()
    if 2 * len(texts) > len(coded) or not all(isinstance(text, str) for text in texts):
        return None
    places = coded.indices.fill_null(len(texts)).to_numpy().astype(np.int64)
    stand = np.bincount(places, minlength=len(texts) + 1) > 0
    kept = [text for text, stands in zip([*texts, None], stand, strict=True) if stands]
    return Recurring.of(kept, (np.cumsum(stand) - 1)[places])


def _objects(series: "nw.Series[Any]") -> Column:
    """A column of Python objects: days and moments as such, fractions as numbers, what is pandas' own as it is written."""
    values = series.to_list()
    if set(map(type, values)) <= {str}:
        return values
    gone = series.is_null().to_list()
    values = [None if absent or _is_nan(one) else one for one, absent in zip(values, gone, strict=True)]
    there = [one for one in values if one is not None]
    if there and all(isinstance(one, date) for one in there):  # moments are days, too
        return _moments(values)
    return as_column([_plain(one) for one in values])


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    own = type(value).__module__.partition(".")[0] == "pandas"  # periods and intervals
    return str(value) if own or isinstance(value, time) else value


def _moments(found: Sequence[Any]) -> np.ndarray:
    """Dates and moments as datetime64 in microseconds, those with a zone in UTC."""
    ready = [one.astimezone(UTC).replace(tzinfo=None) if isinstance(one, datetime) and one.tzinfo else one for one in found]
    return np.asarray(
        [np.datetime64("NaT") if one is None else np.datetime64(one, "us") for one in ready], dtype="datetime64[us]"
    )


def _is_nan(value: Any) -> bool:
    """What pandas writes for a gap."""
    return isinstance(value, float) and math.isnan(value)


def _names(what: str) -> DataRefusal:
    return DataRefusal(
        "DATA_COLUMN_NAME",
        f"the data frame's columns cannot be named: {what}",
        where="frame.columns",
        why="each field is spoken of by one name, which is text",
        fix="rename the columns: frame.columns = [...]",
    )
