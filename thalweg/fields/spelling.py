"""Spellings: how the values of a field are written as text, found once on all rows and kept with the model.

A table's file holds text only, a data frame often, too. A spelling says what stands for nothing, which mark is the decimal
one, how dates are ordered; by it, the same text means the same value in training and at prediction.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any

import numpy as np

from thalweg.core.errors import PackageRefusal
from thalweg.fields.column import Column, first_seen, take
from thalweg.fields.plain_numbers import PlainNumbers, numbers_at_once
from thalweg.fields.repeated import Recurring, Repeated
from thalweg.fields.spelled_dates import moment
from thalweg.fields.spelled_numbers import written

NOTHING = ("", "na", "n/a", "#n/a", "#na", "nan", "<na>", "null", "?")
"""Words (lower case) that stand for a missing value in any column."""
NO_NUMBER = (*NOTHING, "none", "-", "--", ".", "..", "n.a.", "missing", "unknown", "nil", "#value!", "#div/0!")
"""Words that do among numbers and dates."""
SHORT = 48
"""Characters up to which words lie in an array."""
TRUE = ("true", "t", "yes", "y", "1", "on")
FALSE = ("false", "f", "no", "n", "0", "off")


@dataclass(frozen=True)
class Spelling:
    """How a field is written.

    Attributes:
        sort: what the text means, a key of `READERS`.
        missing: words, in lower case, that stand for nothing.
        decimal: the decimal mark of numbers.
        first: "day" or "month", which comes first in dates.
        compact: dates are eight digits.
    """

    sort: str = "text"
    missing: tuple[str, ...] = NOTHING
    decimal: str = "."
    first: str = "day"
    compact: bool = False

    def read(self, column: Column, plain: PlainNumbers | None = None) -> Column:
        """The column with its text as what it means; what is no text, and text that it cannot mean, stays as it is.

        Args:
            plain: its numbers, where it was found to hold nothing but such as are written plainly.
        """
        if plain is not None and self.sort in AT_ONCE:
            return AT_ONCE[self.sort](plain.values)
        if isinstance(column, np.ndarray) and column.dtype.kind != "U":
            return column
        values = column.tolist() if isinstance(column, np.ndarray) else column
        if isinstance(column, Recurring) or set(map(type, values)) <= {str, NoneType}:
            return self._read_texts(values)
        means = {text: self.meaning(text) for text in {value for value in values if isinstance(value, str)}}
        return FINISHED[self.sort]([means[value] if isinstance(value, str) else value for value in values])

    def _read_texts(self, values: Sequence[str | None]) -> Column:
        """The same for text alone, of which each different one is looked at once, and plain numbers all at once."""
        plain = numbers_at_once(values, self.missing) if self.sort in AT_ONCE else None
        if plain is not None and plain.hold(self.decimal):
            return AT_ONCE[self.sort](plain.values)
        texts, codes = (values.texts, values.places) if isinstance(values, Recurring) else first_seen(values)
        means = FINISHED[self.sort]([None if text is None else self.meaning(text) for text in texts])
        if isinstance(means, np.ndarray) and means.dtype.kind == "U" and 2 * len(texts) <= len(codes):
            return Repeated.of(means, codes)
        return take(means, codes)

    def meaning(self, text: str) -> Any:
        """What one text means: None for nothing, itself where it cannot be read."""
        bare = text.strip()
        return None if bare.casefold() in self.missing else READERS[self.sort](self, bare)

    def state(self) -> dict[str, Any]:
        """As JSON values; `restored` takes them."""
        return {**asdict(self), "missing": list(self.missing)}

    @staticmethod
    def restored(state: Any, *, where: str) -> "Spelling":
        """The spelling that `state` gave.

        Raises:
            PackageRefusal: it is none.
        """
        kinds = {"sort": str, "missing": list, "decimal": str, "first": str, "compact": bool}
        whole = isinstance(state, Mapping) and set(state) == set(kinds)
        if not (
            whole
            and all(isinstance(state[key], kind) for key, kind in kinds.items())
            and state["sort"] in READERS
            and state["decimal"] in (".", ",")
            and all(isinstance(word, str) for word in state["missing"])
        ):
            raise PackageRefusal(
                "PACKAGE_ENCODING",
                "how the values of a field are written cannot be read",
                where=where,
                why="numbers and dates might be taken for others",
                fix="take another copy, or train it again",
            )
        return Spelling(**{**state, "missing": tuple(state["missing"])})


def _number(spelling: Spelling, text: str) -> float | str:
    value = written(text).value(spelling.decimal)
    return text if value is None else value


def _date(spelling: Spelling, text: str) -> Any:
    found = moment(text, compact=spelling.compact)
    at = None if found is None else found.at(spelling.first)
    return text if at is None else np.datetime64(at.replace(tzinfo=None), "us")


def _truth(spelling: Spelling, text: str) -> bool | str:
    word = text.casefold()
    return True if word in TRUE else False if word in FALSE else text


def numbers_of(values: list[Any]) -> Column:
    """Values as an array of whole numbers where all are whole and there, else of floats; a list where one is no number."""
    if not all(value is None or isinstance(value, int | float | np.number) for value in values):
        return values
    return whole_or_floats(np.asarray([math.nan if value is None else value for value in values], dtype=np.float64))


def whole_or_floats(array: np.ndarray) -> np.ndarray:
    """Floats as whole numbers where all are whole and there."""
    whole = bool(np.isfinite(array).all()) and bool((array == np.round(array)).all()) and np.abs(array).max(initial=0) < 2**53
    return array.astype(np.int64) if whole else array


def words_of(values: list[Any]) -> Column:
    """Short words as an array, in which "" is nothing: it is gone through many times faster than a list."""
    if not all(value is None or isinstance(value, str) for value in values):
        return values
    if max((len(value) for value in values if value is not None), default=0) > SHORT:
        return values
    return np.asarray(["" if value is None else value for value in values], dtype=str)


def _dates_of(values: list[Any]) -> Column:
    """Values as an array of moments; a list where one is none."""
    if not all(value is None or isinstance(value, np.datetime64) for value in values):
        return values
    return np.asarray([np.datetime64("NaT") if value is None else value for value in values], dtype="datetime64[us]")


READERS: dict[str, Callable[[Spelling, str], Any]] = {
    "text": lambda spelling, text: text,
    "number": _number,
    "date": _date,
    "truth": _truth,
}
"""What a text means, by what the column's texts are."""
FINISHED: dict[str, Callable[[list[Any]], Column]] = {"text": words_of, "number": numbers_of, "date": _dates_of, "truth": list}
AT_ONCE: dict[str, Callable[[np.ndarray], Column]] = {"number": whole_or_floats}
"""What becomes of plain numbers, by what the column's texts are, where these need no look at each."""


def texts_of(column: Column) -> Sequence[Any] | None:
    """The values of a column of text, nothing as None; None where the column holds something else."""
    if isinstance(column, np.ndarray):
        return column.tolist() if column.dtype.kind == "U" else None
    kinds = set(map(type, column))
    return column if str in kinds and kinds <= {str, int, float, type(None)} else None
