"""Splits that came with the data: a column named `split` whose values name parts."""

import dataclasses

import numpy as np
import torch

from thalweg.core.errors import DataRefusal
from thalweg.core.printable import typed
from thalweg.data._split_names import PART_NAMES
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import missing

COLUMN = "split"


def given_by_column(examples: Examples, settings: DataSettings) -> Examples:
    """The examples with the split that a column of this name gives, and without that column.

    A column that the user said something of, or whose values are not all names of parts, is one like others.

    Raises:
        DataRefusal: no row is for training.
    """
    name = next((name for name in examples.columns if name.casefold() == COLUMN), None)
    if name is None or examples.given or name in (settings.target, *settings.fields, *settings.ignore, *examples.roles):
        return examples
    column = examples.columns[name]
    said = [PART_NAMES.get(str(value).strip().casefold()) for value in column]
    if missing(column).any() or None in said or len(set(said)) < 2:
        return examples
    parts = np.asarray(said)
    given = {part: torch.from_numpy(np.flatnonzero(parts == part)) for part in dict.fromkeys(map(str, said))}
    if "train" not in given:
        raise DataRefusal(
            "DATA_NO_TRAINING_ROWS",
            f'the column "{name}" names no row for training',
            where=f"values: {', '.join(given)}",
            why="there is nothing to learn from",
            fix=f"name some rows train; or take the column for an ordinary one: {typed('field', name, 'category')}",
        )
    columns = {other: values for other, values in examples.columns.items() if other != name}
    note = f"parts as the column {name} says ({typed('field', name, 'category')} for an ordinary column)"
    return dataclasses.replace(examples, columns=columns, given=given, notes=[*examples.notes, note])
