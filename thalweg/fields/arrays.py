"""Arrays of numbers, a row each: read as floats, with refusals of what no number can be made of."""

import numpy as np

from thalweg.core.errors import DataRefusal
from thalweg.fields.column import Column, as_column, floats
from thalweg.fields.encoding import BadRows


def rows_of_floats(name: str, column: Column) -> np.ndarray:
    """The column as float64 (N, ...).

    Raises:
        DataRefusal: rows differ in shape, or hold what is no number.
    """
    try:
        return floats(as_column(column)) if len(column) else np.zeros((0,))
    except (TypeError, ValueError):
        raise DataRefusal(
            "DATA_NOT_NUMBERS",
            f'the rows of "{name}" are not numbers of one shape',
            where=f"field {name}, first row: {str(column[0])[:60]}",
            why="they must fit together into one array",
            fix=f"cut or pad the rows to one shape, or say what they are: --field {name}=KIND (thalweg list kinds)",
        ) from None


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
