"""Tuning of classical models: how many fits there is time for, fixed beforehand, and cross-validation on the training part.

Letters: n training rows, K folds.
"""

import dataclasses
import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.evaluation._baseline import Candidates, Fitted
from thalweg.evaluation.features import Columns
from thalweg.evaluation.training_rows import Training
from thalweg.metrics._metric import Metric
from thalweg.models.classical._evaluator import blocks

PILOT = 300
"""Rows of the first, timed fit, where there are many more."""
NEARLY = 0.9
"""Share of the rows from which on all are fitted: the time that a fit takes is not known closer than that."""
FOLDS = 3
LEAST_ROWS = 20
"""Training rows below which folds would be too small to compare anything."""


@dataclass(frozen=True)
class Plan:
    """What is fitted, decided before the first fit.

    Attributes:
        rows: training rows of each final fit.
        settings: how many of the settings are compared, the first ones.
        folds: of the cross-validation; 0: each setting is fitted once, and judged on validation rows.
        whole: all rows that were there are fitted.
    """

    rows: int
    settings: int
    folds: int
    whole: bool = field(default=False, compare=False)

    def on(self, rows: int) -> "Plan":
        """The same for a few rows more or less."""
        return dataclasses.replace(self, rows=rows if self.whole else min(self.rows, rows))

    @property
    def fits(self) -> int:
        """How many fits this takes."""
        return self.settings * self.folds + 1 if self.folds else self.settings


def planned(training: Training, offered: Candidates, *, power: float, seconds: float, folded: bool = False) -> Plan:
    """As many rows, then settings, then folds as the time allows, judged by a fit of each setting on a few rows.

    Args:
        power: the time to fit grows with this power of the rows.
        folded: folds judge the baseline too, so they come before further settings, and are wanted also of a single one.
    """
    rows = training.rows.shape[0]
    took = _piloted(training, offered, seconds=seconds)
    kept = affordable(training, took[0], power=power, seconds=seconds)
    each = [one * (kept / min(rows, PILOT)) ** power for one in took]
    share = FOLDS * (1 - 1 / FOLDS) ** power
    counts = range(1, len(each) + 1)
    wanted = [share * sum(each[:count]) + max(each[:count]) for count in counts]  # with folds
    takes = wanted if folded else [sum(each[:count]) for count in counts]
    settings = max(1, sum(one <= seconds for one in takes))
    worth = (settings > 1 or folded) and rows >= LEAST_ROWS
    folds = FOLDS if worth and wanted[settings - 1] <= seconds else 0
    return Plan(kept, settings, folds, whole=kept == rows)


def _piloted(training: Training, offered: Candidates, *, seconds: float) -> list[float]:
    """Seconds of a fit on few rows for each setting, until these take a tenth of the time."""
    took: list[float] = []
    few = min(training.rows.shape[0], PILOT)
    for _, estimator in offered:
        try:
            first = training.fit(estimator, few)
            took.append(max(first if took else min(first, training.fit(estimator, few)), 1e-4))  # the very first one imports
        except ValueError:  # a draw that small may hold one class only
            took.append(took[-1] if took else 1e-4)
        if sum(took) > seconds / 10:
            break
    return [*took, *([2 * took[-1]] * (len(offered) - len(took)))]


def affordable(training: Training, pilot: float, *, power: float, seconds: float) -> int:
    """How many rows can be fitted in that time, judged by the seconds that a fit on a few took."""
    rows = training.rows.shape[0]
    if rows <= 2 * PILOT:
        return int(rows)
    kept = int(max(PILOT, PILOT * (seconds / pilot) ** (1 / power)))
    return int(rows) if kept >= NEARLY * rows else kept


def cross_validated(
    training: Training, offered: Candidates, plan: Plan, metric: Metric[Any], columns: Columns, *, decisions: bool
) -> tuple[dict[str, float], int, str]:
    """The mean over folds of a metric, by setting; how many fits that took; and what failed last.

    Groups stay whole. Rows stand in an order drawn at random, so that folds are stretches of it.
    """
    fold = _folds(training, plan)
    scores: dict[str, float] = {}
    fits, failed = 0, "it has no value on the folds"
    for words, estimator in offered:
        values = []
        try:
            for one in range(plan.folds):
                inside = np.arange(plan.rows)
                training.fit(estimator, inside[fold != one])
                fits += 1
                fitted = Fitted(estimator, columns, training.classes, decisions)
                values.append(_value(fitted, training, inside[fold == one], metric))
        except ValueError as error:  # too few rows for a setting, say: another may do
            failed = str(error).splitlines()[0][:120]
            continue
        known = [value for value in values if value is not None]
        if known:
            scores[words] = float(np.mean(known))
    return scores, fits, failed


def _folds(training: Training, plan: Plan) -> np.ndarray:
    """(n,) the fold of each row."""
    if training.groups is None:
        return np.arange(plan.rows) * plan.folds // plan.rows
    _, first, place = np.unique(training.groups[: plan.rows], return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))  # groups in the order in which they come, which is drawn at random
    found: np.ndarray = (order % plan.folds)[place.reshape(-1)]
    return found


def _value(fitted: Fitted, training: Training, rows: np.ndarray, metric: Metric[Any]) -> float | None:
    """The metric of a fitted estimator on training rows that it was not fitted on."""
    width = (training.classes or 1) * math.prod(training.target.shape[1:])  # numbers that a row is answered by
    some = torch.cat([_statistics(fitted, training, rows[block], metric) for block in blocks(len(rows), width)])
    return metric.value(some.sum(0) if metric.additive else some)


def _statistics(fitted: Fitted, training: Training, rows: np.ndarray, metric: Metric[Any]) -> Tensor:
    """The metric's statistics of these rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = torch.from_numpy(np.asarray(fitted.answered(training.rows[rows]), dtype=np.float64))
    if training.classes is None:
        target = torch.from_numpy(training.target[rows].reshape(len(rows), -1))
        readings = {"values": found.reshape(target.shape)}
    else:
        target = torch.from_numpy(training.target[rows].astype(np.int64))
        readings = {"probabilities": found.exp(), "classes": found.argmax(-1)}
    reads = metric.declaration.facts["reads"]  # type: ignore[attr-defined]
    return metric.rows(readings[reads], target)
