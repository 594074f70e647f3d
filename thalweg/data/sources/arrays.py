"""Arrays in memory: a matrix, `(X, y)` or a mapping of columns; of NumPy, torch, lists, and what offers `__array__`."""

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._frames import frame_columns, is_frame, is_series, series_column
from thalweg.data._shapes import examples_of
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples
from thalweg.fields.column import as_column

SURE = 50
MOST_DENSE = 1_000_000_000
"""Values of a sparse matrix that are written out, zeros included."""


def recognises(given: Any) -> int:
    """Sure of arrays, of pairs of equally long columns, and of mappings of such."""
    if isinstance(given, np.ndarray | torch.Tensor) or is_sparse(given):
        return SURE
    if isinstance(given, Mapping):
        return SURE if given and all(_is_column(values) for values in given.values()) else 0
    return SURE if isinstance(given, tuple | list) and _is_pair(given) else 0


@source("arrays", objects=True, table=True)
def arrays(asked: Asked) -> Examples:
    """Arrays in memory as columns: X and y of a pair are the inputs and the target, rows of F numbers become F columns.

    Raises:
        DataRefusal: lengths differ, keys are no text, or an array can be no column.
    """
    named, target = _named(asked.given, asked.data.target)
    columns = {key: column(values) for key, values in named.items()}
    examples = examples_of("arrays", columns, target=target, sequences=False, fields=asked.data.fields)
    if not isinstance(asked.given, Mapping) and not target:
        examples.notes.append("there is no target; give (X, y) to name one")
    return examples


def column(values: Any) -> Any:
    """The values (N, ...) as an array, or as a list where they are mixed or differ in shape."""
    if is_series(values):
        return series_column(values)
    if is_sparse(values) or (isinstance(values, torch.Tensor) and values.layout != torch.strided):
        return _dense(values)
    if isinstance(values, torch.Tensor) and values.dtype == torch.bfloat16:
        return as_column(values.float())  # NumPy has no such type
    known = isinstance(values, np.ndarray | torch.Tensor | list | tuple)
    return as_column(values if known else np.asarray(values))


def is_sparse(values: Any) -> bool:
    """Whether this is a sparse matrix or array of scipy, which is not imported to say that it is none."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(values))


def _dense(values: Any) -> Any:
    """A sparse matrix with its zeros written out.

    Raises:
        DataRefusal: it would hold too many values.
    """
    numbers = math.prod(values.shape)
    if numbers > MOST_DENSE:
        raise DataRefusal(
            "DATA_TOO_SPARSE",
            f"a sparse matrix of shape {tuple(values.shape)} holds {numbers:,} values, at most {MOST_DENSE:,} are written out",
            where="arrays",
            why="nets here read each value, zeros too",
            fix="keep fewer columns, or project them: sklearn.decomposition.TruncatedSVD(100).fit_transform(X)",
        )
    return as_column(values.to_dense() if isinstance(values, torch.Tensor) else values.toarray())


def _named(given: Any, target: str | None) -> tuple[dict[str, Any], str | None]:
    """Columns by name, and the target's name."""
    if isinstance(given, Mapping):
        odd = [key for key in given if not isinstance(key, str)]
        if odd:
            raise DataRefusal(
                "DATA_COLUMN_NAME",
                f"{odd[0]!r} names a column; names are text",
                where=f"{len(odd)} of {len(given)} keys",
                why="fields are spoken of by name",
                fix='use text: {"x0": ..., "y": ...}',
            )
        return dict(given), target if target in given else "y" if target is None and "y" in given and len(given) > 1 else None
    if isinstance(given, tuple | list):
        inputs = frame_columns(given[0]) if is_frame(given[0]) else {"x": given[0]}
        name = next(name for name in ("y", "target", "the target") if name not in inputs)
        return {**inputs, name: given[1]}, name
    return {"x": given}, None


def _is_column(values: Any) -> bool:
    """Whether values can be a column: text is not, though it has a length."""
    if isinstance(values, np.ndarray | torch.Tensor):
        return values.ndim > 0
    if is_sparse(values):
        return True
    return isinstance(values, list | tuple) or is_frame(values) or callable(getattr(values, "__array__", None))


def _is_pair(given: tuple[Any, ...] | list[Any]) -> bool:
    """Whether this is (X, y): two columns, of which X is an array or, in a tuple, anything like one."""
    if len(given) != 2 or not all(_is_column(values) for values in given):
        return False
    return isinstance(given, tuple) or all(
        isinstance(values, np.ndarray | torch.Tensor) and values.ndim > 1 for values in given[:1]
    )
