"""Columns over a map: the mean of each column of numbers in each unit, as small pictures beside each other.

Reference: Kohonen 1990, doi:10.1109/5.58325 (component planes). Letters: N examples, R rows, C columns of the grid.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thalweg.data.dataset import StoredDataset
from thalweg.evaluation.figures import short
from thalweg.fields.column import Column, take
from thalweg.report.charts import Frame, svg
from thalweg.report.markup import figure, text

PLANES = 12
"""Columns that are drawn, at most."""
CELL = 24
"""Pixels of a unit."""

Means = Sequence[Sequence[float | None]]


def planes_of(dataset: StoredDataset, rows: np.ndarray, unit: np.ndarray, shape: Sequence[int]) -> dict[str, Means]:
    """The mean of each of the first input columns of numbers in each unit (R, C); None where none lies.

    Args:
        rows: (N,) row numbers.
        unit: (N,) the unit of each.
        shape: R and C.
    """
    columns = dataset.examples.columns
    names = [name for one in dataset.encodings.inputs for name in one.fields if name in columns]
    numbers = {name: _numbers(take(columns[name], rows)) for name in names}
    there = [(name, column) for name, column in numbers.items() if column is not None][:PLANES]
    return {name: _means(column, unit, shape) for name, column in there}


def _numbers(column: Column) -> np.ndarray | None:
    """(N,) floats, NaN where one is missing; None where a column is of something else."""
    if isinstance(column, np.ndarray) and (column.ndim > 1 or column.dtype.kind not in "iuf"):
        return None
    try:
        return np.array([np.nan if one is None else float(one) for one in column], dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _means(column: np.ndarray, unit: np.ndarray, shape: Sequence[int]) -> Means:
    known, units = np.isfinite(column), int(np.prod(shape))
    count = np.bincount(unit[known], minlength=units)
    total = np.bincount(unit[known], weights=column[known], minlength=units)
    means = [float(f"{one / n:.4g}") if n else None for one, n in zip(total, count, strict=True)]
    return [means[i * shape[1] : (i + 1) * shape[1]] for i in range(shape[0])]


def planes(found: Mapping[str, Any]) -> str:
    """Small pictures of all columns; nothing where there are none."""
    drawn = "".join(_plane(str(name), means) for name, means in found.items())
    caption = "The mean of each column in each unit: the stronger, the larger. Where two pictures agree, so do the columns."
    return figure(f'<div class="planes">{drawn}</div>', caption) if drawn else ""


def _plane(name: str, means: Means) -> str:
    """A column's mean in each unit, from its least (faint) to its greatest (strong), both told below."""
    there = [value for row in means for value in row if value is not None]
    low, high = min(there, default=0.0), max(there, default=0.0)
    cells = "".join(
        f'<rect x="{CELL * j}" y="{CELL * i}" width="{CELL - 1}" height="{CELL - 1}" fill="var(--own)" '
        f'fill-opacity="{0.06 + 0.94 * (value - low) / ((high - low) or 1.0):.2f}"/>'
        for i, row in enumerate(means)
        for j, value in enumerate(row)
        if value is not None
    )
    ends = f"{short(low)} to {short(high)}" if there else "no values"
    frame = Frame((0, 1), (0, 1), width=CELL * len(means[0]), height=CELL * len(means))
    picture = svg(frame, f"{name} over the map", cells, said=f"{name}, its mean in each unit: {ends}.")
    return f"<figure><b>{text(name)}</b>{picture}<figcaption>{text(ends)}</figcaption></figure>"
