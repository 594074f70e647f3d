"""Any torch dataset, or any iterable of examples: pairs (x, y), mappings of values, or values without a target."""

import traceback
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._shapes import examples_of
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples
from thalweg.fields.column import as_column

MOST = 10_000_000
"""Examples that are collected: an iterable without end is refused, not followed."""
MOST_BYTES = 64 << 30
_END = object()


def recognises(given: Any) -> int:
    """Sure of torch datasets; anything that can be gone through is taken where no source is surer."""
    if isinstance(given, TorchDataset | DataLoader):
        return 40
    return 10 if isinstance(given, Iterable) and not isinstance(given, str | bytes | tuple | Mapping) else 0


@source("items", objects=True)
def items(asked: Asked) -> Examples:
    """All examples of a torch dataset or iterable, collected into columns; of a loader, those of its dataset.

    Raises:
        DataRefusal: there are none, they have no end, they are not alike, or one of them raised.
    """
    loaded = isinstance(asked.given, DataLoader)
    given = asked.given.dataset if loaded else asked.given
    rows = list(_counted(_gone_through(given)))
    if not rows:
        raise DataRefusal(
            "DATA_NO_ROWS",
            "the iterable gives no examples",
            where=type(given).__name__,
            why="there is nothing to learn from",
            fix="give one that does",
        )
    columns, target = _columns(rows)
    target = asked.data.target if asked.data.target in columns else target
    name = type(given).__name__.strip("_").lower()
    examples = examples_of(name, columns, target=target, sequences=False, fields=asked.data.fields)
    if loaded:
        examples.notes.append("of the loader its dataset is read; batches are made anew (--batch-size)")
    return examples


def _gone_through(given: Any) -> Iterator[Any]:
    """The examples in order; map-style datasets by index, so that their own end counts, else until they say that it is."""
    if isinstance(given, TorchDataset) and isinstance(given, Sized) and not isinstance(given, Iterable):
        return (given[i] for i in range(len(given)))
    return iter(given)


def _next(examples: Iterator[Any], number: int) -> Any:
    """The example of that number; `_END` behind the last.

    Raises:
        DataRefusal: the user's own code raised.
    """
    try:
        return next(examples, _END)
    except Exception as error:
        lines = traceback.extract_tb(error.__traceback__)
        raise DataRefusal(
            "DATA_EXAMPLE_FAILED",
            f"example {number:,} cannot be read: {type(error).__name__}: {(str(error).splitlines() or [''])[0][:160]}",
            where=f"{lines[-1].filename}:{lines[-1].lineno}",
            why="all examples are collected before training",
            fix="mend that line, or leave the example out of the dataset",
        ) from error


def _counted(examples: Iterator[Any]) -> Iterator[Any]:
    """The examples as values on the host, until there are too many."""
    weight = 0
    number = -1
    while (example := _next(examples, number := number + 1)) is not _END:
        row = _on_host(example)
        weight += _bytes(row)
        if number >= MOST or weight > MOST_BYTES:
            raise DataRefusal(
                "DATA_WITHOUT_END",
                f"the iterable gave {number:,} examples and goes on",
                where=f"{weight:,} bytes",
                why="examples are collected before training; what has no end is a domain",
                fix="cut it: itertools.islice(examples, 100_000)",
            )
        yield row


def _on_host(example: Any) -> Any:
    """An example with its tensors as arrays, and arrays of one value as that value."""
    if isinstance(example, Mapping):
        return {key: _on_host(value) for key, value in example.items()}
    if isinstance(example, tuple) or (isinstance(example, list) and any(not isinstance(part, int | float) for part in example)):
        return tuple(_on_host(part) for part in example)
    if isinstance(example, torch.Tensor):
        example = as_column(example)
    return example.item() if isinstance(example, np.ndarray) and example.ndim == 0 else example


def _bytes(row: Any) -> int:
    if isinstance(row, Mapping):
        return sum(_bytes(value) for value in row.values())
    if isinstance(row, tuple):
        return sum(_bytes(value) for value in row)
    return row.nbytes if isinstance(row, np.ndarray) else len(row) if isinstance(row, str | bytes) else 8


def _columns(rows: list[Any]) -> tuple[dict[str, Any], str | None]:
    """Columns by name, and the target of pairs.

    Raises:
        DataRefusal: the examples differ in what they consist of.
    """
    first = rows[0]
    if isinstance(first, Mapping):
        _refuse_unlike(
            rows,
            [isinstance(row, Mapping) and row.keys() == first.keys() for row in rows],
            f"keys {', '.join(map(str, first))}",
        )
        return {str(key): as_column([row[key] for row in rows]) for key in first}, "y" if "y" in first and len(
            first
        ) > 1 else None
    if isinstance(first, tuple):
        _refuse_unlike(rows, [isinstance(row, tuple) and len(row) == len(first) for row in rows], f"{len(first)} values")
        names = {1: ["x"], 2: ["x", "y"]}.get(len(first), [f"x{i}" for i in range(len(first) - 1)] + ["y"])
        return {name: as_column([row[i] for row in rows]) for i, name in enumerate(names)}, "y" if len(first) > 1 else None
    return {"x": as_column(rows)}, None


def _refuse_unlike(rows: list[Any], alike: list[bool], what: str) -> None:
    if all(alike):
        return
    odd = alike.index(False)
    raise DataRefusal(
        "DATA_EXAMPLES_UNLIKE",
        f"{alike.count(False):,} of {len(rows):,} examples are not made like the first",
        where=f"example {odd}; the first has {what}",
        why="a column needs a value in each row",
        fix="give each example the same keys, or the same number of values",
    )
