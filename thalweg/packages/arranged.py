"""Raw input without names: an array or list taken for the one input of a model, or its columns for the inputs in order."""

from collections.abc import Mapping, Sequence

import numpy as np

from thalweg.core.errors import DataRefusal, some_of
from thalweg.fields.encoding import Column, Encodings


def arranged(encodings: Encodings, data: np.ndarray | Sequence[object]) -> Mapping[str, Column]:
    """Raw columns by field name.

    Args:
        data: (N, ...) the only input; or (N, d), a column for each of d inputs in the order of training.

    Raises:
        DataRefusal: neither fits; the inputs are named.
    """
    wanted = [name for one in encodings.inputs for name in one.fields]
    if len(wanted) == 1:
        return {wanted[0]: data if isinstance(data, np.ndarray) else list(data)}
    try:
        table = np.asarray(data)
    except ValueError:  # rows of different length
        table = np.empty(0)
    if table.ndim == 2 and table.shape[1] == len(wanted):
        return dict(zip(wanted, _columns_of(table), strict=True))
    shown = some_of(wanted, 8)
    raise DataRefusal(
        "PREDICT_UNNAMED",
        f"an array of shape {table.shape} was given, the model reads {len(wanted)} fields",
        where="predict",
        why="each value must be known for what it is",
        fix=f"give {len(wanted)} columns in this order, or a mapping by name: {shown}",
    )


def _columns_of(table: np.ndarray) -> np.ndarray:
    """(d, N) the columns of a table (N, d): of floats as they lie, which are read side by side; others each in one piece."""
    return table.T if table.dtype.kind == "f" else np.ascontiguousarray(table.T)
