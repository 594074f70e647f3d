"""Arrays of numbers, a row each: read as floats, with refusals of what no number can be made of."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from thalweg.core.errors import DataRefusal, PackageRefusal
from thalweg.core.printable import typed
from thalweg.fields.column import Column, as_column, floats, plain
from thalweg.fields.encoding import BadRows


def rows_of_floats(name: str, column: Column, *, axes: Iterable[int]) -> np.ndarray:
    """The column as float64 (N, ...) with as many axes as one of those that are allowed, none of them empty.

    Raises:
        DataRefusal: rows differ in shape, have other axes, or hold what is no number.
    """
    try:
        values = floats(as_column(column))
    except (TypeError, ValueError):
        values = np.zeros(0)
    if values.ndim in axes and 0 not in values.shape[1:]:
        return values
    raise DataRefusal(
        "DATA_NOT_NUMBERS",
        f'the rows of "{name}" are not arrays of numbers of one shape, with {" or ".join(str(n - 1) for n in axes)} axes',
        where=f"field {name}, first row: {shown(column[0])}",
        why="they must fit together into one array",
        fix=f"cut or pad the rows to one shape, or say what they are: {typed('field', name, 'KIND')} (thalweg list kinds)",
    )


def refuse_others(name: str, column: Column, wrong: Callable[[Any], bool], *, rows: str) -> None:
    """Raise BadRows where a value of the column is wrong.

    Args:
        rows: what a row must be, in words.
    """
    reasons = {row: shown(value) for row, value in enumerate(column) if wrong(value)}
    if reasons:
        raise BadRows(
            "DATA_WRONG_KIND",
            reasons,
            field=name,
            rows=len(column),
            why=f"each row must be {rows}",
            fix=f"correct or leave out these rows, or say what it is: {typed('field', name, 'KIND')} (thalweg list kinds)",
        )


def shown(value: Any) -> str:
    """A value in at most 60 characters, without memory addresses."""
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}"
    if isinstance(value, list | tuple | set):
        return repr([plain(one) for one in value])[:60]
    return (repr(plain(value)) if is_scalar(value) else f"an object of type {type(value).__name__}")[:60]


def is_scalar(value: Any) -> bool:
    """One plain value: text, a number, a truth value, a date, or nothing."""
    return value is None or isinstance(value, str | bool | int | float | np.generic)


def is_list(value: Any) -> bool:
    """A list of plain values."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, list | tuple | set) and all(is_scalar(one) for one in value)


def refuse_restored(name: str, values: Sequence[Any]) -> None:
    """Raise a PackageRefusal where values that a package lists as known are no plain values, or stand there twice."""
    odd = [value for value in values if not is_scalar(value)]
    twice = [value for value, count in Counter(map(repr, values)).items() if count > 1]
    if odd or twice:
        what = (
            f"{len(odd)} are no plain values: {shown(odd[0])}" if odd else f"{len(twice)} stand twice: {', '.join(twice[:5])}"
        )
        raise PackageRefusal(
            "PACKAGE_ENCODING",
            f'of the values that "{name}" knows, {what}'[:300],
            where=f"package.json, encoding {name}",
            why="a code must mean one value",
            fix="take another copy, or train it again",
        )


def refuse_shape(name: str, given: tuple[int, ...], known: tuple[int, ...]) -> None:
    """Raise a DataRefusal where a row's shape is not the one that was learned."""
    if given != known:
        raise DataRefusal(
            "DATA_SHAPE",
            f'a row of "{name}" has shape {given}, the model knows {known}',
            where=f"field {name}",
            why="the net is built for that shape",
            fix="give rows of the shape that was trained on",
        )


def refuse_not_finite(name: str, values: np.ndarray) -> None:
    """Raise BadRows for the rows (N, ...) that hold NaN or infinity."""
    reasons = not_finite(values)
    if reasons:
        raise BadRows(
            "DATA_NOT_FINITE",
            reasons,
            field=name,
            rows=len(values),
            why="one such value turns every weight of a net into NaN",
            fix="fill in or leave out these rows",
        )


def not_finite(values: np.ndarray, *, nan_allowed: bool = False) -> dict[int, str]:
    """Row number to the first value (N, ...) that is not finite and where it stands."""
    wrong = np.isinf(values) if nan_allowed else ~np.isfinite(values)
    flat = wrong.reshape(len(values), -1)
    reasons = {}
    for row in np.flatnonzero(flat.any(axis=1)).tolist():
        place = np.unravel_index(int(flat[row].argmax()), values.shape[1:])
        at = f" at {', '.join(str(int(axis)) for axis in place)}" if place else ""
        reasons[row] = f"{values[row][place]}{at}"
    return reasons
