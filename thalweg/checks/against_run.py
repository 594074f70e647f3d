"""New data against what a run was trained on: copies of training rows, new categories, shifts, and their own defects."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from thalweg.checks.check import Checked, look
from thalweg.checks.finding import Finding
from thalweg.checks.subject import Subject
from thalweg.core.errors import DataRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.data._spelled import read_as_before
from thalweg.data.dataset import Examples, StoredDataset
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, as_column
from thalweg.training.reopened import dataset_of_run, settings_of_run


def check_against(examples: Examples, settings: DataSettings, folder: RunFolder) -> Checked:
    """What is wrong with new examples by themselves, and beside the training rows of a run; rows are counted in the new data.

    Raises:
        DataRefusal: the run's data are gone or were objects, or the new ones have no column in common with them.
    """
    dataset = dataset_of_run(settings_of_run(folder), folder)
    if not isinstance(dataset, StoredDataset):
        raise DataRefusal(
            "CHECK_DRAWN",
            f"{dataset.name} is drawn, not read, so there are no rows to compare with",
            where=str(folder.path),
            why="new data are held against the rows that a run learned from",
            fix="leave --against out",
        )
    train = dataset.parts["train"].numpy()
    spellings = {name: one for each in dataset.encodings.values() for name, one in each.spellings.items()}
    joined = _joined(dataset.examples, train, read_as_before(examples, spellings), str(folder.path))
    subject = Subject.of(joined, _named(settings, joined), old=True)
    beside = look(subject, subject.first(len(examples), examples.columns))
    moved = [one for finding in beside.findings if (one := _of_new_rows(finding, len(examples))) is not None]
    return dataclasses.replace(beside, findings=moved, rows=len(examples), together=None)


def _joined(old: Examples, train: np.ndarray, new: Examples, where: str) -> Examples:
    """The new rows, then the run's training rows, in the columns that both have; so new rows keep their numbers."""
    names = [name for name in old.columns if name in new.columns]
    if not names:
        raise DataRefusal(
            "DATA_FIELDS_MISSING",
            "the data have no field in common with those of the run",
            where=f"{where}: {', '.join(list(old.columns)[:8])}",
            why="columns are compared by name",
            fix="rename the fields",
        )
    columns = {name: _end_to_end(new.columns[name], old.columns[name], train) for name in names}
    rows = {"train": torch.arange(len(new), len(new) + len(train)), "test": torch.arange(len(new))}
    kinds = {name: kind for name, kind in {**new.kinds, **old.kinds}.items() if name in names}
    roles = {name: role for name, role in {**new.roles, **old.roles}.items() if name in names}
    return Examples(new.name, columns, kinds=kinds, roles=roles, given=rows, facts=new.facts)


def _end_to_end(new: Column, old: Column, rows: np.ndarray) -> Column:
    first, second = as_column(new), as_column(old)
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray) and first.shape[1:] == second.shape[1:]:
        return np.concatenate([first, second[rows]])
    return [*first, *(second[row] for row in rows.tolist())]


def _named(settings: DataSettings, examples: Examples) -> DataSettings:
    """The settings without what names columns that are not there, and the decimal mark of numbers that are read already."""
    here = examples.columns
    return settings.model_copy(
        update={
            "target": settings.target if settings.target in here else None,
            "fields": {name: word for name, word in settings.fields.items() if name in here},
            "ignore": tuple(name for name in settings.ignore if name in here),
            "group": settings.group if settings.group in here else None,
            "time": settings.time if settings.time in here else None,
            "decimal": None,
        }
    )


def _of_new_rows(finding: Finding, count: int) -> Finding | None:
    """The finding as of the new rows; None where it is about training rows alone."""
    if not len(finding.rows):
        return finding
    rows: Sequence[int] = [row for row in finding.rows if row < count]
    return dataclasses.replace(finding, rows=rows, pairs=None) if rows else None
