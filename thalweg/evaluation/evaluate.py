"""Evaluate: the task's metrics on a part of the data, each with its interval; rows are kept, so that models can be paired."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from thalweg.core.errors import TrainingRefusal, some_of
from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.data.batches import Batches
from thalweg.data.dataset import Dataset
from thalweg.evaluation.figures import Unit
from thalweg.evaluation.one_metric import Estimate, estimate
from thalweg.evaluation.units import count, groups_of
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Model, Task, measured_rows

BATCH = 256


@dataclass(frozen=True)
class Evaluation:
    """What a model reaches on a part.

    Attributes:
        estimates: metric name to value and interval, the headline first.
        rows: metric name to the rows (n, k) of its statistic, in the order of the part.
        groups: (n,) the group of each row, from 0, where whole groups are the units; None: each example is one.
    """

    part: str
    metrics: Mapping[str, Metric[Any]]
    estimates: Mapping[str, Estimate]
    rows: Mapping[str, Tensor] = field(repr=False)
    groups: Tensor | None = field(default=None, repr=False)

    @property
    def headline(self) -> str:
        """The metric that decides: the first that has a value here."""
        return next((name for name, one in self.estimates.items() if one.value is not None), next(iter(self.estimates)))

    @property
    def value(self) -> float | None:
        """The headline's value."""
        return self.estimates[self.headline].value

    @property
    def examples(self) -> int:
        """How many examples were judged."""
        return max((one.n for one in self.estimates.values()), default=0)

    @property
    def undefined(self) -> dict[str, str]:
        """The metrics without a value, and why."""
        return {name: self.metrics[name].undefined for name, one in self.estimates.items() if one.value is None}

    def as_json(self) -> dict[str, Any]:
        """The headline and all metrics as JSON values."""
        every = {name: figure(one) for name, one in self.estimates.items()}
        reasons = {name: every[name] | {"reason": reason} for name, reason in self.undefined.items()}
        return {
            "metric": {"name": self.headline} | every[self.headline],
            "metrics": every | reasons,
            "units": {name: Unit.of(metric).as_json() for name, metric in self.metrics.items()},
            "part": self.part,
            "examples": self.examples,
        } | ({"groups": count(self.groups)} if self.groups is not None else {})


def evaluate(
    task: Task,
    model: Model,
    dataset: Dataset,
    *,
    part: str = "test",
    at: Position | None = None,
    processes: Processes | None = None,
) -> Evaluation:
    """The task's metrics of a model on a part of the data, each with its interval.

    Args:
        model: a module, or any callable that takes the inputs as the task's ports name them.
        part: validation, calibration or test; for domains and environments what they hold out under that name.
        at: decides what is drawn while measuring, where anything is.

    Raises:
        TrainingRefusal: answers are not a number.
    """
    processes = processes or Processes()
    batches = dataset.batches(part, size=BATCH, processes=processes)
    groups = groups_of(dataset, part) if processes.world == 1 else None
    found = of_batches(task, model, batches, part=part, at=at or Position(), processes=processes, groups=groups)
    _refuse_not_a_number(found)
    return found


def _refuse_not_a_number(found: Evaluation) -> None:
    """Raise where statistics of examples are NaN: no metric may make a figure of answers that are none."""
    wrong = {name: rows.isnan().flatten(1).any(1).nonzero().flatten() for name, rows in found.rows.items() if rows.numel()}
    name = max(wrong, key=lambda one: len(wrong[one]), default="")
    if not name or not len(wrong[name]):
        return
    rows = wrong[name].tolist()
    shown = some_of(rows)
    raise TrainingRefusal(
        "PREDICTIONS_NOT_FINITE",
        f"the model's answers to {len(rows):,} of {found.examples:,} examples are not a number",
        where=f"part {found.part}, rows {shown} (counted from 0), seen by {name}",
        why="a figure made of them would mean nothing",
        fix="train again with a lower rate (--lr) or clipping (--set rule.clip=1); thalweg doctor RUN says what went wrong",
        details={"rows": rows[:1000], "count": len(rows)},
    )


def of_batches(
    task: Task,
    model: Model,
    batches: Batches,
    *,
    part: str,
    at: Position,
    processes: Processes | None = None,
    groups: Tensor | None = None,
) -> Evaluation:
    """The same for batches at hand.

    Args:
        groups: (n,) the group of each row, from 0.
    """
    collected: dict[str, list[Tensor]] = {name: [] for name in task.metrics}
    for rows in measured_rows(task, model, batches, at=at.inside(part)):
        for name in collected:
            collected[name].append(rows[name].detach().cpu())
    gather = (processes or Processes()).gather
    kept = {name: gather(torch.cat(pieces)) for name, pieces in collected.items() if pieces}
    return of_rows(task.metrics, kept, part=part, groups=groups)


def of_rows(
    metrics: Mapping[str, Metric[Any]], rows: Mapping[str, Tensor], *, part: str, groups: Tensor | None = None
) -> Evaluation:
    """The same of rows (n, k) at hand, by metric."""
    estimates = {name: estimate(metrics[name], some, groups=groups) for name, some in rows.items()}
    missing = {name: Estimate(None, None, None, 0) for name in metrics if name not in rows}
    return Evaluation(part, metrics, {name: (estimates | missing)[name] for name in metrics}, rows, groups)


def figure(one: Estimate) -> dict[str, Any]:
    """A value with its interval as JSON values."""
    return {"value": one.value, "low": one.low, "high": one.high}
