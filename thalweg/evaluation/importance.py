"""Importance: how much worse a model gets on held-out rows when one column is shuffled among them.

Measured on the validation and calibration rows together, so that whoever drops columns by it has not looked at the test part.

Reference: Breiman 2001, doi:10.1023/A:1010933404324 (permutation); Fisher, Rudin & Dominici 2019, arXiv:1801.01489 (its ratio
and difference for any model).

Letters: m rows, k statistics of a row.
"""

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches, Store
from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.evaluation.clopper_pearson import student
from thalweg.evaluation.evaluate import BATCH
from thalweg.evaluation.leaving_out import error_of, value_of
from thalweg.evaluation.paired import FEW_UNITS, paired_moves, sign
from thalweg.fields.column import Column, take
from thalweg.fields.encoding import Encoding
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Model, Task, measured_rows

PARTS = ("validation", "calibration")
ROWS, FEWEST = 2000, 100
"""Rows that are looked at, at most, and at least where time is short."""
REPEATS = 5
LEAST_SECONDS, MOST_SECONDS, SHARE = 0.25, 20.0, 0.1
"""What the diagnosis may take: a tenth of the training, within bounds."""


class Shuffled(NamedTuple):
    """One column in another order.

    Attributes:
        encoding: that reads it, with other columns where its kind is grouped.
        field: the column.
        order: (m,) the place from which each row takes its value.
    """

    encoding: Encoding
    field: str
    order: Tensor


@dataclass(frozen=True)
class Trial:
    """What a column is tried with: model and task, and the rows on which they are measured."""

    task: Task
    model: Model
    dataset: StoredDataset
    rows: Tensor
    at: Position

    def measured(self, shuffled: Shuffled | None = None) -> dict[str, Tensor]:
        """By additive metric the (m, k) statistics of the rows, with a column in another order where one is given."""
        batches = RowsWith(self.dataset, self.rows, shuffled)
        found = list(measured_rows(self.task, self.model, batches, at=self.at))
        return {name: torch.cat([rows[name].detach().cpu() for rows in found]) for name in additive(self.task)}

    def order(self, number: int) -> Tensor:
        """The order of a repetition, the same for every column."""
        return torch.randperm(len(self.rows), generator=self.at.inside("importance").generator(f"order {number}", by="run"))


class RowsWith(Batches):
    """Some rows of a dataset, once through in order, one of their columns shuffled."""

    def __init__(self, dataset: StoredDataset, rows: Tensor, shuffled: Shuffled | None) -> None:
        self.store, self.rows, self.shuffled = dataset.store, rows, shuffled
        self.columns = dataset.examples.columns
        self.length = max(1, -(-len(rows) // BATCH))

    def at(self, position: Position) -> Batch:
        raise NotImplementedError("nothing is learned from these rows")

    def __iter__(self) -> Iterator[Batch]:
        whole = self._grouped() if self.shuffled is not None and self.shuffled.encoding.grouped else None
        for places in torch.arange(len(self.rows)).split(BATCH):
            rows = self.rows[places]
            fields = self.store.gather(rows)
            if whole is not None:
                fields[self._name] = whole[places].to(fields[self._name].device)
            elif self.shuffled is not None:
                fields |= self._alone(self.rows[self.shuffled.order[places]])
            yield Batch(self.store.finished(fields), len(rows), 0, len(rows), rows)

    @property
    def _name(self) -> str:
        assert self.shuffled is not None
        return self.shuffled.encoding.name

    def _grouped(self) -> Tensor:
        """The tensor of columns that are read together, one of them shuffled, encoded anew from raw values."""
        assert self.shuffled is not None
        encoding, field, order = self.shuffled
        columns: list[Column] = [
            take(self.columns[name], self.rows[order] if name == field else self.rows) for name in encoding.fields
        ]
        encoded = encoding.encode(columns)
        assert isinstance(encoded, Tensor), "columns that share a tensor have one"
        return encoded

    def _alone(self, rows: Tensor) -> dict[str, Tensor]:
        """A column that has a tensor of its own, as it stands in other rows."""
        alone = Store({self._name: self.store.fields[self._name]}, self.store.encodings, self.store.dtype)
        return alone.gather(rows)


def importance(task: Task, model: Model, dataset: Dataset, *, at: Position, seconds: float | None = None) -> dict[str, Any]:
    """What each column is worth, as JSON values; empty where there are no columns to choose among.

    Args:
        seconds: how long the model trained, of which this may take a share; None: the least time there is.

    Returns:
        `metric`, `rows`, `repeats`, `columns`: name with the loss in `value`, its 95 % interval, the dearest first; or
        `reason` where time did not allow it. The metric is the headline, unless another tells more than twice as many
        columns from nothing.
    """
    tried, names = columns_of(task, dataset), additive(task)
    if len(tried) < 2 or not names or not isinstance(dataset, StoredDataset) or task.needs_gradients:
        return {}
    begun = time.monotonic()
    trial = Trial(task, model, dataset, _held_out(dataset, at), at)
    if len(trial.rows) < FEW_UNITS:
        return {}
    budget = min(max(SHARE * (seconds or 0.0), LEAST_SECONDS), MOST_SECONDS)
    trial, repeats = _paced(trial, len(tried), budget=budget)
    if not repeats:
        return {
            "columns": [],
            "reason": f"shuffling each of {len(tried):,} columns would take longer than a tenth of the training",
        }
    lost: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    before = trial.measured()
    for encoding, field in tried:
        for name, worth in _worth(trial, before, encoding, field, repeats=repeats).items():
            lost[name].append(worth | {"name": field})
    metric = _telling(lost)
    columns = sorted(lost[metric], key=lambda one: -one["value"])
    facts = {"metric": metric, "rows": len(trial.rows), "repeats": repeats, "seconds": round(time.monotonic() - begun, 3)}
    return facts | {"columns": columns}


def additive(task: Task) -> list[str]:
    """The metrics that are sums over examples, which alone can be averaged over repetitions; the headline first."""
    return [name for name, metric in task.metrics.items() if metric.additive]


def _telling(lost: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The metric that is shown: the first, unless another tells more than twice as many columns from nothing."""
    told = {name: sum((one["low"] or 0.0) > 0 for one in columns) for name, columns in lost.items()}
    first, finest = next(iter(told)), max(told, key=lambda name: told[name])
    return first if 2 * told[first] >= told[finest] else finest


def _paced(trial: Trial, columns: int, *, budget: float) -> tuple[Trial, int]:
    """The trial, on fewer rows where it would take too long, and how often each column is shuffled; 0: not at all."""
    begun = time.monotonic()
    trial.measured()
    often = budget / (columns * max(time.monotonic() - begun, 1e-4))
    count, repeats = pace(len(trial.rows), often)
    places = torch.linspace(0, len(trial.rows) - 1, count).long()
    return dataclasses.replace(trial, rows=trial.rows[places]), repeats


def pace(rows: int, often: float) -> tuple[int, int]:
    """How many rows are looked at, and how often each column is shuffled among them; 0: there is no time for it.

    Args:
        often: how often there is time to shuffle each column among all rows.
    """
    if often >= 1:
        return rows, min(REPEATS, int(often))
    few = min(max(FEWEST, int(often * rows)), rows)
    return few, int(few <= 2 * often * rows)


def columns_of(task: Task, dataset: Dataset) -> list[tuple[Encoding, str]]:
    """The raw columns that a prediction is made from, each with the encoding that reads it."""
    inputs = [one for one in dataset.encodings.inputs if one.name in task.reads]
    return [(one, field) for one in inputs for field in (one.fields if one.grouped else one.fields[:1])]


def _held_out(dataset: StoredDataset, at: Position) -> Tensor:
    """(m,) rows of the held-out parts, some of them by chance where they are many."""
    rows = torch.cat([dataset.parts[part] for part in PARTS if part in dataset.parts]).cpu()
    if len(rows) <= ROWS:
        return rows
    chosen = torch.randperm(len(rows), generator=at.inside("importance").generator("rows", by="run"))[:ROWS]
    return rows[chosen.sort().values]


def _worth(
    trial: Trial, before: Mapping[str, Tensor], encoding: Encoding, field: str, *, repeats: int
) -> dict[str, dict[str, Any]]:
    """By metric how much is lost without a column, over repetitions, and between what ends that lies for rows like these."""
    tries = [trial.measured(Shuffled(encoding, field, trial.order(i))) for i in range(repeats)]
    metrics = trial.task.metrics
    return {
        name: _lost(metrics[name], rows, torch.stack([one[name] for one in tries]).mean(0)) for name, rows in before.items()
    }


def _lost(metric: Metric[Any], before: Tensor, after: Tensor) -> dict[str, Any]:
    """The loss of a metric from rows (m, k) to others, with its interval."""
    ours, theirs = value_of(metric, before), value_of(metric, after)
    if ours is None or theirs is None:
        return {"value": 0.0, "low": None, "high": None}
    value = (ours - theirs) * sign(metric)
    half = student(len(before) - 1) * error_of(paired_moves(metric, before, after))
    there = math.isfinite(half)
    return {"value": value, "low": value - half if there else None, "high": value + half if there else None}
