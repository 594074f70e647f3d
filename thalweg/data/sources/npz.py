"""NumPy archives (.npz), read by the names that people use: x/y, images/labels, data/target, by part where they name one."""

from collections.abc import Mapping

import numpy as np
import torch

from thalweg.core.disk import digest_of
from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._mapped import end_to_end
from thalweg.data._npy import read_npz
from thalweg.data._paths import shown
from thalweg.data._shapes import examples_of, refuse_unequal
from thalweg.data._source import Asked
from thalweg.data._split_names import CLASSES, COLUMN_NAMES, INPUTS, TARGETS, split_name
from thalweg.data.dataset import PARTS, Examples

Parts = dict[str | None, dict[str, np.ndarray]]
"""Columns by part; None where the names tell no part."""


@source("npz", suffixes=(".npz",), content=("zip",))
def npz(asked: Asked) -> Examples:
    """The arrays of an .npz as columns; a split in their names is kept, names in `classes` stand for class numbers.

    Raises:
        DataRefusal: Python objects, a bomb, damage, names that fit no pattern, or lengths that differ.
    """
    path = asked.given
    arrays = read_npz(path)
    classes = _names(arrays, CLASSES)
    features = _names(arrays, COLUMN_NAMES)
    parts, notes = _parts(arrays, path.name)
    given, columns = _joined(parts, path.name)
    target = _target(columns, asked.data.target)
    examples = examples_of(
        path.stem, columns, target=target, sequences=features is None, fields=asked.data.fields, names=features
    )
    if classes and target:
        _name_classes(examples, target, classes)
    examples.given, examples.notes = given, notes + examples.notes
    examples.facts["digest"] = f"sha256:{digest_of(path.resolve(), limit=path.stat().st_size, refusal=DataRefusal)[1]}"
    return examples


def _names(arrays: Mapping[str, np.ndarray], known: tuple[str, ...]) -> list[str] | None:
    """The text of the array with one of the known names, if there is one."""
    for key, array in arrays.items():
        if key.casefold() in known and array.ndim == 1:
            return [str(value) for value in array]
    return None


def _parts(arrays: Mapping[str, np.ndarray], name: str) -> tuple[Parts, list[str]]:
    """The columns of each part, and what was left out because it is no column."""
    parts: Parts = {}
    left = []
    for key, array in arrays.items():
        if key.casefold() in CLASSES + COLUMN_NAMES:
            continue
        split = split_name(key)
        if array.ndim == 0:
            left.append(key)
        elif split.base == "images" and array.ndim < 3:
            raise _not_by_names(arrays, name, f"{shown(key)} are not pictures (N, H, W)")
        elif split.base in parts.setdefault(split.part, {}):
            raise _not_by_names(arrays, name, f"two arrays are named {split.base}")
        else:
            parts[split.part][split.base] = array
    left += _without_strays({part: columns for part, columns in parts.items() if columns}, arrays, name)
    return {part: columns for part, columns in parts.items() if columns}, _said_left(left)


def _without_strays(parts: Parts, arrays: Mapping[str, np.ndarray], name: str) -> list[str]:
    """Take arrays out of the parts that stand beside inputs and targets without being columns of them; their names."""
    known = {base for columns in parts.values() for base in columns if base in INPUTS + TARGETS}
    lengths = {len(array) for columns in parts.values() for array in columns.values()}
    if not any(base in INPUTS for base in known):
        if len(parts) == 1 and len(lengths) == 1:
            return []
        raise _not_by_names(arrays, name, "no array is named as inputs are")
    left = []
    for part, columns in parts.items():
        rows = next((len(columns[base]) for base in INPUTS if base in columns), None)
        for base in [base for base in columns if base not in known and (len(columns[base]) != rows or len(parts) > 1)]:
            del columns[base]
            left.append(base if part is None else f"{base} of {part}")
    return left


def _said_left(left: list[str]) -> list[str]:
    return [f"left out, as it holds no value for each row: {', '.join(shown(key) for key in left[:8])}"] if left else []


def _joined(parts: Parts, name: str) -> tuple[dict[str, torch.Tensor], dict[str, np.ndarray | list[np.ndarray]]]:
    """Row numbers of each part, and the columns of all parts one after another."""
    parts = {part: columns for part, columns in parts.items() if columns}
    if None in parts and len(parts) > 1:
        parts["train"] = parts.pop(None) | parts.get("train", {})
    order = sorted(parts, key=lambda part: PARTS.index(part) if part else 0)
    bases = list(parts[order[0]])
    _refuse_gaps(parts, name)
    given, start = {}, 0
    for part in order:
        refuse_unequal({base: len(array) for base, array in parts[part].items()}, f"{name}, {part or 'all rows'}")
        rows = len(parts[part][bases[0]])
        if part is not None:
            given[part] = torch.arange(start, start + rows)
        start += rows
    return given, {base: _end_to_end([parts[part][base] for part in order]) for base in bases}


def _end_to_end(arrays: list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
    """The rows of all arrays; a list of rows where their shapes differ (series of other lengths)."""
    if len({array.shape[1:] for array in arrays}) == 1:
        return end_to_end(arrays) if len(arrays) > 1 else arrays[0]
    return _padded(arrays) if all(array.ndim == 3 and array.dtype.kind == "f" for array in arrays) else _rows(arrays)


def _padded(arrays: list[np.ndarray]) -> np.ndarray:
    """Series (N, ., .) with missing values at the end of the shorter ones, so that all are treated alike."""
    sizes = [max(array.shape[axis] for array in arrays) for axis in (1, 2)]
    fill = [((0, 0), (0, sizes[0] - array.shape[1]), (0, sizes[1] - array.shape[2])) for array in arrays]
    padded = [np.pad(array, widths, constant_values=np.nan) for array, widths in zip(arrays, fill, strict=True)]
    return np.concatenate(padded)


def _rows(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [row for array in arrays for row in array]


def _refuse_gaps(parts: Parts, name: str) -> None:
    """Return if all parts have the same columns."""
    bases = {base for columns in parts.values() for base in columns}
    gaps = [f"{base} of {part}" for part, columns in parts.items() for base in sorted(bases - set(columns))]
    if not gaps:
        return
    raise DataRefusal(
        "DATA_PART_INCOMPLETE",
        f"{shown(name)} lacks {', '.join(shown(gap) for gap in gaps[:5])}",
        where=f"parts: {', '.join(str(part) for part in parts)}",
        why="each part needs the same columns",
        fix="add it, or leave that part out of the file",
    )


def _target(columns: Mapping[str, object], stated: str | None) -> str | None:
    """The column to predict: the one that the user names, else the first with a name that targets have."""
    if stated is not None:
        return next((base for base in columns if base == split_name(stated).base), None)
    return next((base for base in TARGETS if base in columns), None) if len(columns) > 1 else None


def _name_classes(examples: Examples, target: str, classes: list[str]) -> None:
    """Put the classes' names in place of their numbers."""
    codes = np.asarray(examples.columns[target])
    if codes.ndim != 1 or codes.dtype.kind not in "iub" or codes.min() < 0 or codes.max() >= len(classes):
        examples.notes.append(f"`classes` holds {len(classes)} names, which do not fit the values of {shown(target)}")
        return
    examples.columns[target] = np.array(classes)[codes]
    examples.kinds[target] = "category"
    examples.facts["classes"] = classes


def _not_by_names(arrays: Mapping[str, np.ndarray], name: str, what: str) -> DataRefusal:
    found = ", ".join(f"{shown(key)} {array.shape}" for key, array in list(arrays.items())[:6])
    return DataRefusal(
        "DATA_NPZ_NAMES",
        f"{shown(name)}: {what}",
        where=f"found {found}" + (" ..." if len(arrays) > 6 else ""),
        why="an .npz is read by the names of its arrays",
        fix="save as x and y, images and labels or data and target; parts as x_train, x_test, ...; names of classes as classes",
    )
