"""Columns out of arrays: which kind an array is by its shape and type, in one place for files and for objects in memory.

N rows, F numbers, T steps, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thalweg.core import registry
from thalweg.core.errors import DataRefusal
from thalweg.core.printable import typed
from thalweg.data._paths import shown
from thalweg.data.dataset import Examples
from thalweg.fields.encoding import Column

CHANNELS = (1, 3, 4)
SMALLEST, MOST_CHANNELS = 8, 16
"""Sides of the smallest square that is taken for a picture where its type does not say so; channels that pictures may have."""


@dataclass
class Shaped:
    """One array as columns: their values, the kinds that are certain, and what to tell about it."""

    columns: dict[str, Column]
    kinds: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def examples_of(
    name: str,
    arrays: Mapping[str, Any],
    *,
    target: str | None,
    sequences: bool,
    fields: Mapping[str, str],
    names: list[str] | None = None,
) -> Examples:
    """Examples of arrays whose first axis counts rows.

    Args:
        arrays: name to values (N, ...): an array, or a list where rows differ in shape.
        target: which of them is to be predicted.
        sequences: a row of F floats is a series of F steps, not F numbers.
        fields: kinds and roles that the user stated, by name; an array of whose first column something is said is a table.
        names: names of the columns where an array is a table of numbers (N, F).

    Raises:
        DataRefusal: lengths differ, or an array can be no column.
    """
    refuse_unequal({key: len(values) for key, values in arrays.items()}, name)
    examples = Examples(name, {})
    for key, values in arrays.items():
        if key == target:
            shaped = _target(key, values)
            examples.roles |= dict.fromkeys(shaped.columns, "target")
        else:
            series = sequences and _label(key, 0) not in fields
            shaped = shape(key, values, sequences=series, stated=fields.get(key), names=names)
        if list(shaped.columns) != [key]:
            examples.spread[key] = tuple(shaped.columns)
        examples.columns |= shaped.columns
        examples.kinds |= shaped.kinds
        examples.notes += shaped.notes
    return examples


def refuse_unequal(lengths: Mapping[str, int], where: str) -> None:
    """Return if all columns have the same number of rows, and at least one.

    Raises:
        DataRefusal: lengths differ, or there are no rows.
    """
    if not lengths or max(lengths.values()) == 0:
        raise DataRefusal(
            "DATA_NO_ROWS",
            f"{where} has no rows",
            where=where,
            why="there is nothing to learn from",
            fix="give data with rows",
        )
    if len(set(lengths.values())) > 1:
        raise DataRefusal(
            "DATA_LENGTHS_DIFFER",
            "columns differ in length: " + ", ".join(f"{key} has {length:,}" for key, length in lengths.items()),
            where=where,
            why="each row needs a value in each column",
            fix="cut them to the same rows",
        )


def shape(key: str, values: Any, *, sequences: bool, stated: str | None = None, names: list[str] | None = None) -> Shaped:
    """An array (N, ...) as one column, or as F columns where it is a table of numbers.

    (N, F) floats are F numbers, or series where they are `sequences`; (N, T, C) numbers are series, but squares of brightness,
    which are images as (N, H, W[, C]) bytes and (N, H, W, C) or (N, C, H, W) numbers are. A list stays one column.

    Args:
        stated: the kind that the user gave; the array is then taken as it lies.
    """
    if isinstance(values, list):
        return Shaped({key: values})
    array = _plain(key, values)
    if array.ndim == 1:
        return Shaped({key: array})
    if array.dtype.kind not in "biuf":
        return Shaped({key: list(array)})
    if stated in registry.names("kind"):
        return _as_stated(key, array, str(stated), names)
    if array.ndim == 2:
        return _sequences(key, array) if sequences and array.dtype.kind == "f" else _numbers(key, array, names)
    if array.ndim == 3 and array.dtype != np.uint8 and not _pictured(array):
        return _series(key, array)
    return _pictures(key, array)


def _plain(key: str, values: Any) -> np.ndarray:
    """The array, with half floats widened and a trailing axis of one dropped.

    Raises:
        DataRefusal: it counts no rows, or holds complex numbers.
    """
    array = np.asarray(values)
    if array.ndim == 0 or array.dtype.kind in "cV":
        what = "a single value" if array.ndim == 0 else f"of type {array.dtype}"
        raise DataRefusal(
            "DATA_BAD_ARRAY",
            f"{shown(key)} is {what}",
            where=f"shape {array.shape}",
            why="a column is an array whose first axis counts rows, of numbers, text or true and false",
            fix=f"leave {shown(key)} out, or split it into columns of numbers",
        )
    if array.dtype == np.float16 or (array.dtype.kind == "f" and array.itemsize > 8):
        array = array.astype(np.float32 if array.itemsize == 2 else np.float64)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _as_stated(key: str, array: np.ndarray, kind: str, names: list[str] | None) -> Shaped:
    """The array as the user said: a column for each of F values where the kind's fields are scalars, else one."""
    if array.ndim == 2 and registry.load("kind", kind).grouped:
        shaped = _numbers(key, array, names)
        return Shaped(shaped.columns, dict.fromkeys(shaped.columns, kind))
    return Shaped({key: array}, {key: kind})


def _numbers(key: str, array: np.ndarray, names: list[str] | None) -> Shaped:
    """Rows of F numbers as F columns."""
    labels = names if names is not None and len(names) == array.shape[1] else [_label(key, i) for i in range(array.shape[1])]
    columns: dict[str, Column] = {label: np.ascontiguousarray(array[:, i]) for i, label in enumerate(labels)}
    return Shaped(columns, dict.fromkeys(columns, "number"))


def _label(key: str, column: int) -> str:
    """What a column of an array without names of its own is called."""
    return f"{key}{column}"


def _sequences(key: str, array: np.ndarray) -> Shaped:
    """Rows of T floats as series of one channel."""
    if np.isnan(array[:, -1]).any():
        return _unpadded(key, array[:, :, None], [])
    steps = array.shape[1]
    said = f"each row of {steps} floats is read as a series of {steps} steps; if they are {steps} numbers of a table"
    note = f"{shown(key)}: {said}: {typed('field', key, 'number')}"
    return Shaped({key: array}, {key: "series"}, [note])


def _series(key: str, array: np.ndarray) -> Shaped:
    """Series (N, T, C); where the last axis is longer, that one is taken for time."""
    notes = []
    if array.shape[2] > array.shape[1]:
        array = np.ascontiguousarray(array.transpose(0, 2, 1))
        said = f"{array.shape[2]} × {array.shape[1]} steps: the longer axis is taken for time"
        notes.append(f"{shown(key)}: {said} ({typed('field', key, 'series')} if steps come first)")
    if array.dtype.kind == "f" and np.isnan(array[:, -1]).any():
        return _unpadded(key, array, notes)
    return Shaped({key: array}, {key: "series"}, notes)


def _unpadded(key: str, array: np.ndarray, notes: list[str]) -> Shaped:
    """Series (N, T, C) that are filled up with missing values, as rows of their own lengths."""
    rows = [_without_padding(row) for row in array]
    lengths = [len(row) for row in rows]
    said = f"{shown(key)}: series of {min(lengths)} to {max(lengths)} steps; empty steps at the end are left out"
    return Shaped({key: rows}, {key: "series"}, [*notes, said])


def _without_padding(row: np.ndarray) -> np.ndarray:
    """A series (T, C) without the steps at its end in which all channels are missing."""
    there = np.flatnonzero(~np.isnan(row).all(axis=1))
    return row[: there[-1] + 1] if len(there) else row[:1]


def _pictured(array: np.ndarray) -> bool:
    """Square arrays (N, S, S) of brightness, from 0 to 1 or in whole numbers to 255."""
    if array.shape[1] != array.shape[2] or array.shape[1] < SMALLEST or not np.isfinite(array).all() or array.min() < 0:
        return False
    most = array.max()
    return bool(0.5 < most <= 1 or (most <= 255 and (array == np.round(array)).all()))


def _pictures(key: str, array: np.ndarray) -> Shaped:
    """Pictures (N, H, W), (N, H, W, C) or (N, C, H, W).

    Raises:
        DataRefusal: rows are volumes.
    """
    pictured = array.ndim == 3 or (array.ndim == 4 and (array.shape[3] in CHANNELS or array.shape[1] in CHANNELS))
    if array.ndim == 4 and not pictured and min(array.shape[1:]) > MOST_CHANNELS:
        raise DataRefusal(
            "DATA_VOLUMES",
            f"each row of {shown(key)} is a volume of {' × '.join(map(str, array.shape[1:]))} values",
            where=f"shape {array.shape}",
            why="three axes in space are not learned from yet; as pictures their slices would count as colours",
            fix=f"take slices or projections: numpy.savez(file, {shown(key)}={shown(key)}.max(axis=1), ...)",
        )
    if array.dtype == np.uint8 or array.ndim == 4:
        return Shaped({key: array}, {key: "image"} if pictured else {})
    sides = f"{array.shape[1]} × {array.shape[2]}"
    said = f"{shown(key)}: squares of {sides} are read as pictures ({typed('field', key, 'series')})"
    return Shaped({key: array}, {key: "image"}, [said])


def _target(key: str, values: Any) -> Shaped:
    """The column to predict; one-hot rows become class numbers, rows of several numbers become several columns."""
    if isinstance(values, list):
        return Shaped({key: values})
    array = _plain(key, values)
    if array.ndim == 2 and array.dtype.kind in "biuf" and _one_hot(array):
        return Shaped({key: array.argmax(axis=1)}, {}, [f"{shown(key)}: one-hot rows are taken as {array.shape[1]} classes"])
    if array.ndim == 2 and array.dtype.kind in "biuf":
        return _numbers(key, array, None)
    return Shaped({key: array})


def _one_hot(array: np.ndarray) -> bool:
    """Whether each row (F) holds a single one, and zeros."""
    return bool(((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all())
