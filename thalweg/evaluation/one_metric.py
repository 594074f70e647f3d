"""One metric with its interval, in the form that the metric's declaration asks for."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from thalweg.evaluation import intervals
from thalweg.evaluation.clopper_pearson import ALPHA, Ends, clopper_pearson, clopper_pearson_of_groups
from thalweg.evaluation.leaving_out import error_of, form, moves, ranked, value_of
from thalweg.evaluation.units import count, in_units
from thalweg.metrics._metric import Metric


class Estimate(NamedTuple):
    """A metric's value with its interval.

    Attributes:
        value: None where the metric is undefined on these rows.
        low: None where there is no interval.
        n: units that were judged.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


class Deciding(NamedTuple):
    """The examples that decide a ranking or a mean over classes.

    Attributes:
        k: how many failures there could be, for the ceiling rule.
        smallest: examples of the rarest class that is there, or of either side.
        others: for a ranking, the examples on the other side of `smallest`.
    """

    k: float
    smallest: float
    others: float = 0.0


def estimate(metric: Metric[Any], rows: Tensor, *, groups: Tensor | None = None, alpha: float = ALPHA) -> Estimate:
    """The metric of rows (n, k) with its interval.

    Args:
        groups: (n,) the group of each row, from 0, where whole groups are the units.
    """
    value, n = value_of(metric, rows), len(rows)
    units = n if groups is None else count(groups)
    ends = interval(metric, rows, groups=groups, alpha=alpha) if value is not None and units > 1 else None
    low, high = ends if ends is not None else (None, None)
    return Estimate(value, low, high, n)


def interval(metric: Metric[Any], rows: Tensor, *, groups: Tensor | None = None, alpha: float = ALPHA) -> Ends | None:
    """The interval of a metric that has a value, never beyond what is possible; None where there is none."""
    if groups is not None and metric.additive:
        rows, groups = in_units(rows, groups), None
    ends = FORMS.get(form(metric), _plain)(metric, rows, groups, alpha)
    if ends is None or not all(map(_finite, ends)):
        return None
    return possible(metric, _value(metric, rows), ends)


def possible(metric: Metric[Any], value: float, ends: Ends) -> Ends:
    """The interval without what lies beyond the metric's best."""
    if metric.best is None:
        return ends
    if metric.declaration.facts["better"] == "higher":  # type: ignore[attr-defined]
        return ends[0], min(ends[1], max(metric.best, value))
    return max(ends[0], min(metric.best, value)), ends[1]


def deciding(metric: Metric[Any], rows: Tensor) -> Deciding:
    """The examples that decide, counted."""
    if form(metric) in ("ranking", "precision"):
        _, truths = ranked(rows)
        positives = truths.sum(0).double()
        there = positives[(positives > 0) & (positives < len(truths))]
        if not len(there):
            return Deciding(0, 0)
        negatives = len(truths) - there
        k = float(torch.minimum(there, negatives).min() if form(metric) == "ranking" else there.min())
        return Deciding(k, float(torch.minimum(there, negatives).min()), float(torch.maximum(there, negatives).max()))
    counts = support(metric, rows)
    there = counts[counts > 0]
    return Deciding(float(len(there) * there.min()), float(there.min())) if len(there) else Deciding(0, 0)


def support(metric: Metric[Any], rows: Tensor) -> Tensor:
    """(C,) how many examples of each class the rows hold, read from the blocks of columns that the declaration names."""
    facts = metric.declaration.facts  # type: ignore[attr-defined]
    blocks = rows.sum(0).chunk(facts["blocks"])
    return torch.stack([blocks[block] for block in facts["support"]]).sum(0)


def _proportion(metric: Metric[Any], rows: Tensor, groups: Tensor | None, alpha: float) -> Ends | None:
    right, size = rows[:, 0], rows[:, 1]
    if bool((size <= 1).all()):
        return clopper_pearson(float(right.sum()), float(size.sum()), alpha=alpha)
    kept = size > 0
    return clopper_pearson_of_groups(right[kept].numpy(), size[kept].numpy(), alpha=alpha) if int(kept.sum()) > 1 else None


def _f1(metric: Metric[Any], rows: Tensor, groups: Tensor | None, alpha: float) -> Ends | None:
    """Ends of Jaccard's index TP/(TP + FP + FN), mapped by 2 J/(1 + J)."""
    counts = rows.sum(1)
    if bool((counts <= 1).all()):
        low, high = clopper_pearson(float(rows[:, 0].sum()), float(counts.sum()), alpha=alpha)
    else:
        kept = counts > 0
        low, high = (
            clopper_pearson_of_groups(rows[kept, 0].numpy(), counts[kept].numpy(), alpha=alpha)
            if int(kept.sum()) > 1
            else (0.0, 1.0)
        )
    return 2 * low / (1 + low), 2 * high / (1 + high)


def _classes(metric: Metric[Any], rows: Tensor, groups: Tensor | None, alpha: float) -> Ends | None:
    value, error = _value(metric, rows), error_of(moves(metric, rows))
    ends = intervals.on_logit_scale(value, error, df=len(rows) - 1, alpha=alpha)
    return intervals.below_ceiling(ends, value, deciding(metric, rows).k, alpha=alpha)


def _precision(metric: Metric[Any], rows: Tensor, groups: Tensor | None, alpha: float) -> Ends | None:
    value, k = _value(metric, rows), deciding(metric, rows).k
    ends = intervals.on_logit_scale(value, error_of(moves(metric, rows, groups)), df=_freedom(k, groups), alpha=alpha)
    return intervals.below_ceiling(ends, value, k, alpha=alpha)


def _ranking(metric: Metric[Any], rows: Tensor, groups: Tensor | None, alpha: float) -> Ends | None:
    value, found = _value(metric, rows), deciding(metric, rows)
    ends = intervals.on_logit_scale(value, error_of(moves(metric, rows, groups)), df=_freedom(found.k, groups), alpha=alpha)
    if ends is not None and (1 - value) * found.k >= intervals.CEILING:
        return ends
    return intervals.hull(ends, intervals.newcombe(value, int(found.smallest), int(found.others), alpha=alpha))


def _freedom(k: float, groups: Tensor | None) -> float:
    return k - 1 if groups is None else count(groups) - 1


def _positive(metric: Metric[Any], rows: Tensor, groups: Tensor | None, alpha: float) -> Ends | None:
    moved = moves(metric, rows, groups)
    return intervals.on_log_scale(_value(metric, rows), error_of(moved), df=len(moved) - 1, alpha=alpha)


def _plain(metric: Metric[Any], rows: Tensor, groups: Tensor | None, alpha: float) -> Ends | None:
    moved = moves(metric, rows, groups)
    return intervals.plain(_value(metric, rows), error_of(moved), df=len(moved) - 1, alpha=alpha)


def _value(metric: Metric[Any], rows: Tensor) -> float:
    value = value_of(metric, rows)
    assert value is not None, "an undefined metric has no interval"
    return value


def _finite(end: float) -> bool:
    return end - end == 0


FORMS: dict[str, Callable[[Metric[Any], Tensor, Tensor | None, float], Ends | None]] = {
    "proportion": _proportion,
    "f1": _f1,
    "classes": _classes,
    "counts": _classes,
    "precision": _precision,
    "ranking": _ranking,
    "positive": _positive,
    "plain": _plain,
}
"""The forms that a metric's fact `interval` can name."""
