"""Tables that are one series: a row a moment, in order. It is not to be gone on with yet, and rows drawn at random leak.

What is next to a row in time is nearly the row itself; a model that was shown both neighbours of a test row only fills gaps.
"""

from collections.abc import Mapping

import numpy as np

from thalweg.core.errors import DataRefusal
from thalweg.core.printable import typed
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, Look, floats, missing
from thalweg.fields.encoding import Role
from thalweg.fields.inference import names_rows

DISTINCT = 0.9
"""Least share of distinct moments in a table whose rows are the steps of one series."""
ALIKE = 0.5
"""Correlation of neighbours' targets from which on rows drawn at random are told by their neighbours."""
FEW = 20
"""With at most so many distinct values a target holds classes rather than amounts."""


def refuse_lone_series(examples: Examples, roles: Mapping[str, Role], settings: DataSettings) -> None:
    """Return unless there is nothing but a series: amounts, and at most the moments of them.

    Raises:
        DataRefusal: there is nothing else to learn from.
    """
    if settings.target is not None and settings.target not in examples.columns:
        return
    used = {name: column for name, column in examples.columns.items() if roles[name] in ("input", "target", "time")}
    moments = [name for name, column in used.items() if _is_moment(column) or _counts(name, column)]
    amounts = [name for name in used if name not in moments]
    stated = [name for name in used if name in settings.fields or name in settings.keep or name in examples.kinds]
    if len(amounts) != 1 or len(used) > 2 or stated or not _holds_amounts(amounts[0], used[amounts[0]]):
        return
    name, by = amounts[0], f" by {moments[0]}" if moments else ""
    known = "give columns that are known before each step"
    raise DataRefusal(
        "DATA_ONE_SERIES",
        f'the table is one series, "{name}"{by}, {len(examples):,} steps; nothing tells it but its own past',
        where=f"field {name}",
        why="to go on with a series (forecasting) is not built yet",
        fix=f"{known}; or fit a curve all the same: {typed('field', moments[0], _kind(used[moments[0]]))}"
        if moments
        else f"{known}, such as earlier values, or a row for each of many series",
    )


def said_neighbours(examples: Examples, roles: Mapping[str, Role], settings: DataSettings) -> str:
    """A sentence where parts are cut at random from the steps of one series; empty elsewhere."""
    cut = examples.given or settings.time is not None or settings.group is not None
    targets = [name for name, role in roles.items() if role == "target"]
    if cut or len(targets) != 1 or not _holds_amounts(targets[0], examples.columns[targets[0]]):
        return ""
    name = next((name for name in examples.columns if roles[name] == "input" and _runs_on(examples.columns[name])), None)
    if name is None or _likeness(examples.columns[targets[0]]) < ALIKE:
        return ""
    return (
        f"rows follow each other by {name}, neighbours are alike, and parts are cut at random: what is learned is to fill gaps "
        f"({typed('time', name)}: the past trains, the future tests)"
    )


def _is_moment(column: Column) -> bool:
    return isinstance(column, np.ndarray) and column.dtype.kind == "M"


def _counts(name: str, column: Column) -> bool:
    """Whole numbers that count the rows: years, steps."""
    look = Look(name, column)
    return look.numeric and names_rows(look)


def _kind(column: Column) -> str:
    return "date" if _is_moment(column) else "number"


def _holds_amounts(name: str, column: Column) -> bool:
    look = Look(name, column)
    return look.numeric and not _is_moment(look.column) and len(look.distinct) > FEW


def _runs_on(column: Column) -> bool:
    """Moments that never fall, or never rise, nearly all of them distinct."""
    if not _is_moment(column) or missing(column).any():
        return False
    seconds = floats(column)
    steps = np.diff(seconds)
    return bool((steps >= 0).all() or (steps <= 0).all()) and len(np.unique(seconds)) >= DISTINCT * len(seconds)


def _likeness(column: Column) -> float:
    """Correlation of each row's value with that of the next."""
    values = floats(column)
    pairs = np.stack([values[:-1], values[1:]])
    there = pairs[:, np.isfinite(pairs).all(axis=0)]
    return float(np.corrcoef(there)[0, 1]) if there.shape[1] > 2 and (there.std(axis=1) > 0).all() else 0.0
