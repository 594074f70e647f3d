"""The examples that models are judged on: inputs as each of them reads them, the truth, and groups."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import narwhals as nw
import numpy as np
import torch
from torch import Tensor

from thalweg.core.errors import DataRefusal, UsageRefusal, did_you_mean
from thalweg.data._frames import frame_columns, is_frame, is_series, series_column
from thalweg.data.dataset import Dataset, Examples, StoredDataset
from thalweg.data.read import read
from thalweg.data.schema import roles_of
from thalweg.data.settings import DataSettings
from thalweg.evaluation.subgroups import named_column
from thalweg.evaluation.units import numbered
from thalweg.fields.column import Column, as_column, missing, take


class Said(TypedDict, total=False):
    """What is said of examples and answers.

    Attributes:
        target: the column that is to be predicted.
        group: the column (or a value for each row) whose equal values belong together: whole groups are then the units.
        task: `classification` or `regression`; looked for in the models and the truth where it is not named.
        classes: what the columns of probabilities, or the codes that a model answers, stand for, in order.
    """

    target: str | None
    group: Any
    task: str | None
    classes: Sequence[Any] | None


@dataclass(frozen=True)
class Judged:
    """Examples whose truth is known.

    Attributes:
        inputs: as they were given, for models of any make: an array, a tensor, a frame, a list, or columns by name.
        truth: (n,) or (n, d) raw values.
        groups: (n,) group numbers from 0; None: each example stands for itself.
        part: what the examples are called.
    """

    inputs: Any
    truth: Column
    groups: Tensor | None
    name: str
    part: str = "data"

    def column(self, by: Any) -> Column:  # noqa: ANN401
        """A column of the inputs by its name, or a value for each example as it was given.

        Raises:
            UsageRefusal: there is no such column.
            DataRefusal: there are more or fewer values than examples.
        """
        if isinstance(by, str):
            named = frame_columns(self.inputs) if is_frame(self.inputs) else self.inputs
            return named_column(named if isinstance(named, Mapping) else {}, by)
        column = series_column(by) if is_series(by) else as_column(by)
        _refuse_lengths(len(column), "values", len(self.truth), where="by")
        return column

    def digest(self) -> str:
        """SHA-256 of truth and inputs, as far as these are plain."""
        sha = hashlib.sha256(f"{self.name}\n".encode())
        named = self.inputs if isinstance(self.inputs, Mapping) else {"": self.inputs}
        if is_frame(self.inputs):
            named = frame_columns(self.inputs)
        for column in (self.truth, *named.values()):
            plain = column.detach().cpu().numpy() if isinstance(column, Tensor) else column
            sha.update(np.ascontiguousarray(plain).tobytes() if isinstance(plain, np.ndarray) else repr(plain).encode())
        return sha.hexdigest()


def judged_examples(data: Any, said: Said) -> Judged:  # noqa: ANN401 - whatever a source understands
    """Examples from `(X, y)`, a frame, a mapping of columns, a path, a torch dataset, or whatever else a source understands.

    Raises:
        DataRefusal: no truth, gaps in it, or lengths that differ.
        UsageRefusal: a column that is not there is named.
    """
    if isinstance(data, tuple) and len(data) == 2:
        return _checked(data[0], _truth(data[1]), said.get("group"), "(X, y)")
    if is_frame(data):
        return _of_frame(data, said)
    group = said.get("group")
    settings = DataSettings(target=said.get("target"), group=group if isinstance(group, str) else None)
    examples = read(data, settings)
    if not isinstance(examples, Examples):
        raise DataRefusal(
            "DATA_DRAWN",
            f"{examples.name} is drawn, not read",
            where="data",
            why="two models are compared on the same examples",
            fix="give examples: (X, y), a frame, a path",
        )
    return of_examples(examples, settings, group=group)


def of_examples(examples: Examples, settings: DataSettings, *, group: Any = None) -> Judged:  # noqa: ANN401
    """All rows of raw examples; the target is the one named, else the source's, else the one that training would take."""
    _refuse_absent(examples.columns, settings.target, settings.group)
    roles = roles_of(examples, settings)
    targets = [name for name, role in roles.items() if role == "target"]
    if not targets:
        raise _no_truth(examples.name, list(examples.columns))
    columns = examples.columns
    truth = columns[targets[0]] if len(targets) == 1 else np.stack([np.asarray(columns[name]) for name in targets], axis=1)
    inputs = {name: column for name, column in columns.items() if roles[name] in ("input", "id")}
    spread = [inputs.get(name) for names in examples.spread.values() for name in names]
    if spread and len(spread) == len(inputs) and all(isinstance(one, np.ndarray) for one in spread):
        return _checked(np.stack([np.asarray(one) for one in spread], axis=1), truth, _groups(columns, group), examples.name)
    only = next(iter(inputs.values())) if len(inputs) == 1 and not isinstance(settings.target, str) else inputs
    return _checked(only, truth, _groups(columns, group), examples.name)


def of_run(dataset: Dataset) -> Judged:
    """The test part of a run's own data, by the columns that its model reads.

    Raises:
        UsageRefusal: the data are drawn or played in, or more than one value is predicted.
    """
    targets = dataset.encodings.of_role("target")
    if not isinstance(dataset, StoredDataset) or len(targets) != 1 or len(targets[0].fields) != 1:
        raise UsageRefusal(
            "COMPARE_TASK",
            "this run predicts no single class or number of stored examples",
            where=dataset.name,
            why="other models are judged as classifiers or regressors",
            fix="compare it with the baselines that it was trained with: tw.compare(run)",
        )
    columns = {name: take(column, dataset.parts["test"]) for name, column in dataset.examples.columns.items()}
    names = [name for one in dataset.encodings.inputs for name in one.fields]
    group = dataset.facts.get("group")
    found = _groups(columns, group if isinstance(group, str) else None)
    judged = _checked({name: columns[name] for name in names}, columns[targets[0].fields[0]], found, dataset.name)
    return Judged(judged.inputs, judged.truth, judged.groups, judged.name, "test")


def _of_frame(frame: Any, said: Said) -> Judged:  # noqa: ANN401
    columns = frame_columns(frame)
    target, group = said.get("target"), said.get("group")
    _refuse_absent(columns, target, group if isinstance(group, str) else None)
    if target is None:
        raise _no_truth("the frame", list(columns))
    gone = [name for name in (target, group) if isinstance(name, str)]
    inputs = nw.from_native(frame, eager_only=True).drop(gone).to_native()
    return _checked(inputs, columns[target], _groups(columns, group), "frame")


def _truth(given: Any) -> Column:  # noqa: ANN401
    if is_series(given):
        return series_column(given)
    if is_frame(given):
        columns = frame_columns(given)
        return next(iter(columns.values())) if len(columns) == 1 else np.stack(list(columns.values()), axis=1)
    return as_column(given)


def _groups(columns: Mapping[str, Column], group: Any) -> Any:  # noqa: ANN401
    return columns[group] if isinstance(group, str) else group


def _checked(inputs: Any, truth: Column, group: Any, name: str) -> Judged:  # noqa: ANN401
    rows = length(inputs)
    absent = np.flatnonzero(missing(truth)) if len(truth) else np.zeros(0, dtype=np.int64)
    if not len(truth):
        raise DataRefusal("DATA_NO_ROWS", "there are no examples", where=name, why="nothing can be measured", fix="give some")
    if rows != len(truth):
        raise DataRefusal(
            "DATA_LENGTHS",
            f"{rows:,} inputs and {len(truth):,} truths were given",
            where=name,
            why="each example needs both",
            fix="give as many of each, in the same order",
        )
    if len(absent):
        shown = ", ".join(map(str, absent[:5])) + (" ..." if len(absent) > 5 else "")
        raise DataRefusal(
            "DATA_NO_TRUTH",
            f"the truth is missing in {len(absent):,} of {len(truth):,} rows",
            where=f"{name}, rows {shown} (counted from 0)",
            why="an answer without a truth cannot be right or wrong",
            fix="leave these rows out",
        )
    if group is None:
        return Judged(inputs, truth, None, name)
    column = series_column(group) if is_series(group) else as_column(group)
    _refuse_lengths(len(column), "groups", len(truth), where="group")
    return Judged(inputs, truth, numbered(column), name)


def _refuse_lengths(count: int, what: str, rows: int, *, where: str) -> None:
    if count != rows:
        raise DataRefusal(
            "DATA_LENGTHS",
            f"{count:,} {what} and {rows:,} examples were given",
            where=where,
            why="each example is of one group",
            fix="give a value for each row, or the name of a column",
        )


def length(inputs: Any) -> int:  # noqa: ANN401
    """How many examples there are."""
    if isinstance(inputs, Mapping):
        return len(next(iter(inputs.values()), []))
    shape = getattr(inputs, "shape", None)  # frames, arrays, sparse matrices
    return int(shape[0]) if shape is not None and not isinstance(inputs, torch.Size) else len(inputs)


def _refuse_absent(columns: Mapping[str, Column], *names: str | None) -> None:
    for name in names:
        if name is not None and name not in columns:
            raise UsageRefusal(
                "FIELD_UNKNOWN",
                f'there is no column "{name}"; {did_you_mean(name, columns)}',
                where="target, group",
                why="it says what is to be predicted, or what belongs together",
                fix="name a column of the data",
            )


def _no_truth(name: str, columns: Sequence[str]) -> DataRefusal:
    return DataRefusal(
        "DATA_NO_TARGET",
        f"which column is the truth was not said; there are {', '.join(columns[:8])}{' ...' if len(columns) > 8 else ''}",
        where=name,
        why="without the truth nothing can be measured",
        fix='name it: target="price"; or give (X, y)',
    )
