"""Columns of text that are plain numbers throughout (-12, 3.5, 1e-3), read at once instead of text by text.

A column is read here only where `spelled_numbers.written` says the same of each of its texts. What is written in any other way
(commas, currencies, codes such as 007, more digits than a float holds) is left to that.
"""

import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.core.loading import load_arrow
from thalweg.fields.spelled_numbers import Decimals

FEW = 100
"""Different texts, up to so many of which are no reason to import pyarrow, which takes a seventh of a second."""
CODES = 1e15
"""Whole numbers from here on may be codes: each is looked at by itself."""
ZERO, NINE, POINT, MINUS, BLANK, E = (ord(sign) for sign in "09.- e")
SMALL = 0x20
"""The bit that tells a small letter from a large one."""


@dataclass(frozen=True)
class PlainNumbers:
    """A column of plain numbers.

    Attributes:
        values: (N,) float64, NaN where a word stands for nothing.
        gaps: these words, without blanks around them, and how many rows have each.
        decimals: what the numbers say of the decimal mark.
        whole: neither a point nor an exponent stands in any.
    """

    values: np.ndarray
    gaps: Counter[str]
    decimals: Decimals
    whole: bool

    def hold(self, decimal: str) -> bool:
        """They mean the same under that decimal mark."""
        return self.whole or decimal == "."


def numbers_at_once(texts: Sequence[str | None], nothing: Collection[str]) -> PlainNumbers | None:
    """`plain_numbers`; None also where so few texts differ that each is read by itself sooner than pyarrow is imported."""
    few = "pyarrow" not in sys.modules and len(set(texts)) <= FEW
    return None if few else plain_numbers(texts, nothing)


def plain_numbers(texts: Sequence[str | None], nothing: Collection[str]) -> PlainNumbers | None:
    """The numbers of a column; None where some text is neither a plain number nor a word for nothing, or none is a number.

    Args:
        nothing: these words, in lower case.
    """
    array = _array(texts)
    if array is None:
        return None
    number = _end_in_digits(array) & ~_among(array, nothing)
    gaps = _gaps(array, ~number, nothing)
    values = _values(array, number) if gaps is not None else None
    if gaps is None or values is None:
        return None
    written = _Written.of(array, number)
    there = values[number]
    if (written.whole & (written.zero_first | (np.abs(there) >= CODES))).any():
        return None
    either = written.whole | written.thousands
    decimals = Decimals(len(there), int(either.sum()), int((written.thousands & (there != 0)).sum()))
    return PlainNumbers(values, gaps, decimals, bool(written.whole.all()))


def _array(texts: Sequence[str | None]) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """The texts as one array of pyarrow, no blanks around them, None as ""; None where one is no text, or there is none."""
    load_arrow(texts=True)
    import pyarrow
    from pyarrow import compute

    if not len(texts):
        return None
    try:
        array = compute.fill_null(pyarrow.array(texts, pyarrow.large_string()), "")
    except (pyarrow.ArrowException, TypeError, ValueError):  # numbers among the texts, or half surrogates
        return None
    return compute.ascii_trim(array, characters=" ") if (_bytes(array)[0] == BLANK).any() else array


def _bytes(array: Any) -> tuple[np.ndarray, np.ndarray]:
    """All texts in a row as uint8, and (N + 1,) where each begins and the last ends."""
    _, ends, data = array.buffers()
    starts = np.frombuffer(ends, np.int64, len(array) + 1, 8 * array.offset)
    return np.frombuffer(data or b"", np.uint8)[: starts[-1]], starts


def _end_in_digits(array: Any) -> np.ndarray:
    """(N,) bool: texts whose last sign is a digit, as a number's is; in words for nothing no digit stands by nature."""
    data, starts = _bytes(array)
    there = np.diff(starts) > 0
    last = data[starts[1:][there] - 1]
    there[there] = (last >= ZERO) & (last <= NINE)
    return there


def _among(array: Any, nothing: Collection[str]) -> np.ndarray:
    """(N,) bool: texts that end in a digit and are called missing all the same (-999); their signs are of ASCII."""
    import pyarrow
    from pyarrow import compute

    numbers = [word for word in nothing if word[-1:].isdigit()]
    if not numbers:
        return np.zeros(len(array), dtype=bool)
    found: np.ndarray = compute.is_in(compute.ascii_lower(array), pyarrow.array(numbers, array.type)).to_numpy(
        zero_copy_only=False
    )
    return found


def _gaps(array: Any, rows: np.ndarray, nothing: Collection[str]) -> Counter[str] | None:
    """The texts of some rows and how many have each; None where one of them is no word for nothing."""
    found: Counter[str] = Counter()
    if rows.all():
        return None
    for one in array.filter(rows).value_counts().to_pylist() if rows.any() else ():
        word = one["values"].strip()
        if word.casefold() not in nothing:
            return None
        found[word] += one["counts"]
    return found


def _values(array: Any, rows: np.ndarray) -> np.ndarray | None:
    """(N,) float64: the texts of some rows as numbers, NaN elsewhere; None where one is none, or too large for a float."""
    import pyarrow
    from pyarrow import compute

    kept = array if rows.all() else compute.if_else(pyarrow.array(rows), array, pyarrow.scalar(None, array.type))
    try:
        values: np.ndarray = kept.cast(pyarrow.float64()).to_numpy(zero_copy_only=False)
    except pyarrow.ArrowInvalid:
        return None
    return values if np.isfinite(values[rows]).all() else None


@dataclass(frozen=True)
class _Written:
    """How numbers (n,) that are digits with a minus, a point and an exponent at most are written.

    Attributes:
        whole: digits alone.
        zero_first: a zero, then further signs.
        thousands: the point has up to three digits before it and three behind it: under the comma it would part thousands.
    """

    whole: np.ndarray
    zero_first: np.ndarray
    thousands: np.ndarray

    @staticmethod
    def of(array: Any, rows: np.ndarray) -> "_Written":
        """Of some rows of an array."""
        data, starts = _bytes(array)
        first, end = starts[:-1][rows], starts[1:][rows]
        first = first + (data[first] == MINUS)
        point, exponent = _place(data == POINT, starts)[rows], _place(data | SMALL == E, starts)[rows]
        before = point - first
        thousands = (exponent < 0) & (before >= 1) & (before <= 3) & (end - point == 4)
        return _Written((point < 0) & (exponent < 0), (data[first] == ZERO) & (end - first > 1), thousands)


def _place(hits: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(N,) where in all bytes the last hit of each text stands; -1 where there is none."""
    found = np.full(len(starts) - 1, -1)
    at = np.flatnonzero(hits)
    found[np.searchsorted(starts, at, side="right") - 1] = at
    return found
