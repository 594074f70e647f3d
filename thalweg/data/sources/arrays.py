"""Arrays in memory: a matrix, `(X, y)` or a mapping of columns; of NumPy, torch, lists, and what offers `__array__`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._columns import examples_of
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples

SURE = 50


def recognises(given: Any) -> int:
    """Sure of arrays, of pairs of equally long columns, and of mappings of such."""
    if isinstance(given, np.ndarray | torch.Tensor):
        return SURE
    if isinstance(given, Mapping):
        return SURE if given and all(_is_column(values) for values in given.values()) else 0
    return SURE if isinstance(given, tuple | list) and _is_pair(given) else 0


@source("arrays", objects=True)
def arrays(asked: Asked) -> Examples:
    """Arrays in memory as columns: X and y of a pair are the inputs and the target, rows of F numbers become F columns.

    Raises:
        DataRefusal: lengths differ, keys are no text, or an array can be no column.
    """
    named, target = _named(asked.given, asked.data.target)
    columns = {key: column(values) for key, values in named.items()}
    examples = examples_of("arrays", columns, target=target, flat="number", fields=asked.data.fields)
    if not isinstance(asked.given, Mapping) and not target:
        examples.notes.append("there is no target; give (X, y) to name one")
    return examples


def column(values: Any) -> Any:
    """The values (N, ...) as an array, or as a list where their shapes differ; tensors are brought to the host."""
    if isinstance(values, torch.Tensor):
        return (
            values.detach().cpu().resolve_conj().numpy()
            if values.dtype != torch.bfloat16
            else values.detach().float().cpu().numpy()
        )
    if not isinstance(values, list | tuple):
        return _of_objects(np.asarray(values))
    rows = [column(row) if isinstance(row, torch.Tensor) else row for row in values]
    try:
        return _of_objects(np.asarray(rows))
    except ValueError:  # rows of different shapes
        return list(rows)


def _of_objects(array: np.ndarray) -> Any:
    """Python objects (mixed values, text with gaps) as a list, everything else as the array."""
    return list(array) if array.dtype == object else array


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
        return {"x": given[0], "y": given[1]}, "y"
    return {"x": given}, None


def _is_column(values: Any) -> bool:
    """Whether values can be a column: text is not, though it has a length."""
    if isinstance(values, np.ndarray | torch.Tensor):
        return values.ndim > 0
    return isinstance(values, list | tuple) or callable(getattr(values, "__array__", None))


def _is_pair(given: tuple[Any, ...] | list[Any]) -> bool:
    """Whether this is (X, y): two columns, of which X is an array or, in a tuple, anything like one."""
    if len(given) != 2 or not all(_is_column(values) for values in given):
        return False
    return isinstance(given, tuple) or all(
        isinstance(values, np.ndarray | torch.Tensor) and values.ndim > 1 for values in given[:1]
    )
