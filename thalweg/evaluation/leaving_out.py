"""How much each unit moves a metric: what the metric would be without it, exactly recomputed.

Every function gives one number u per unit such that the squared standard error is the sum of u²; that of a difference is the
sum of the squared differences.

Reference: Tukey 1958 (jackknife); DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595 (area under ROC).

Letters: n units, k statistics of a row, C classes.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from thalweg.evaluation.units import count, in_units
from thalweg.metrics._metric import Metric

BLOCKS = 50
MOST_GROUPS = 200
"""More groups than this are left out in blocks, where a metric must be computed anew without each."""
CHUNK = 1 << 22
"""Numbers that are recomputed at once."""


def form(metric: Metric[Any]) -> str:
    """The form of interval that the metric's declaration asks for; without a word, the log scale where 0 is the best."""
    facts = metric.declaration.facts  # type: ignore[attr-defined]
    return str(facts.get("interval", "positive" if facts.get("best") == 0.0 else "plain"))


def value_of(metric: Metric[Any], rows: Tensor) -> float | None:
    """The metric of all rows (n, k)."""
    if not len(rows):
        return None
    return metric.value(rows.sum(0) if metric.additive else rows)


def moves(metric: Metric[Any], rows: Tensor, groups: Tensor | None = None) -> Tensor:
    """How much each unit moves the metric; (n,), or (50,) where blocks of units are left out. NaN where that is undefined.

    Args:
        groups: (n,) the group of each row, from 0, where whole groups are the units.
    """
    if metric.additive:
        return _centred(_without_each(metric, in_units(rows, groups)))
    if groups is not None:
        return _area_moves_of_groups(rows, groups) if form(metric) == "ranking" else _without_groups(metric, rows, groups)
    exact: dict[str, Callable[[Tensor], Tensor]] = {"ranking": _area_moves, "precision": _precision_moves}
    special = exact.get(form(metric))
    return special(rows) if special else _centred(_without_blocks(metric, rows))


def error_of(moved: Tensor) -> float:
    """The standard error."""
    return math.sqrt(float(moved.square().sum()))


def concentrated(moved: Tensor) -> bool:
    """The hundredth of the units that move the metric most holds over half of its variance."""
    squares = moved.square().sort(descending=True).values
    few = max(1, len(squares) // 100)
    return len(squares) >= 100 and bool(squares[:few].sum() > 0.5 * squares.sum())


def ranked(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Scores and truths (n, C) of the rows of a ranking that are shown."""
    shown = rows[rows[:, -1] > 0]
    scores, truths = shown[:, :-1].chunk(2, 1)
    return scores, truths > 0


def _without_each(metric: Metric[Any], rows: Tensor) -> Tensor:
    total = rows.sum(0)
    size = max(1, CHUNK // rows.shape[1])
    return torch.cat([metric.formula(total - some) for some in rows.split(size)])


def _without_blocks(metric: Metric[Any], rows: Tensor) -> Tensor:
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    values = []
    for block in order.tensor_split(min(BLOCKS, len(rows))):
        kept = torch.ones(len(rows), dtype=torch.bool)
        kept[block] = False
        value = metric.value(rows[kept])
        values.append(math.nan if value is None else value)
    return torch.tensor(values, dtype=torch.float64)


def _without_groups(metric: Metric[Any], rows: Tensor, groups: Tensor) -> Tensor:
    """Each group left out once, or blocks of them where they are many."""
    number = count(groups)
    order = torch.randperm(number, generator=torch.Generator().manual_seed(0))
    place = order % BLOCKS if number > MOST_GROUPS else order
    found = [metric.value(rows[place[groups] != one]) for one in range(int(place.max()) + 1)]
    return _centred(torch.tensor([math.nan if one is None else one for one in found], dtype=torch.float64))


def _centred(left_out: Tensor) -> Tensor:
    n = len(left_out)
    return (left_out - left_out.mean()) * math.sqrt((n - 1) / n)


def _area_moves(rows: Tensor) -> Tensor:
    """DeLong's components, the mean over the classes that have both positives and negatives."""
    scores, truths = ranked(rows)
    found = [_area_components(scores[:, c], truths[:, c]) for c in range(scores.shape[1]) if _mixed(truths[:, c])]
    return torch.stack(found).mean(0) if found else torch.full((len(rows),), math.nan, dtype=torch.float64)


def _area_moves_of_groups(rows: Tensor, groups: Tensor) -> Tensor:
    """The components' distances from their mean, over the size of their class, added up within groups."""
    scores, truths = ranked(rows)
    place, number = groups[rows[:, -1] > 0], count(groups)
    found = []
    for c in (c for c in range(scores.shape[1]) if _mixed(truths[:, c])):
        moved = _area_components(scores[:, c], truths[:, c], spread=float)
        found.append(torch.zeros(number, dtype=torch.float64).index_add(0, place, moved))
    if not found or number < 2:
        return torch.full((max(number, 1),), math.nan, dtype=torch.float64)
    return torch.stack(found).mean(0) * math.sqrt(number / (number - 1))


def _mixed(truth: Tensor) -> bool:
    return bool(truth.any()) and not bool(truth.all())


def _alone(m: int) -> float:
    return math.sqrt(m * (m - 1)) if m > 1 else math.nan


def _area_components(scores: Tensor, truth: Tensor, *, spread: Callable[[int], float] = _alone) -> Tensor:
    """What each example adds.

    Args:
        spread: what the distances from the mean of a class are divided by, from its size.
    """
    positives, negatives = scores[truth], scores[~truth]
    moved = torch.zeros(len(scores), dtype=torch.float64)
    for mine, others, sign in ((truth, negatives, 1.0), (~truth, positives, -1.0)):
        share = _share_below(scores[mine], others)
        moved[mine] = sign * (share - share.mean()) / spread(len(share))
    return moved


def _share_below(scores: Tensor, others: Tensor) -> Tensor:
    """The share of the others that lies below each score, ties counting half."""
    ordered = others.sort().values
    below = torch.searchsorted(ordered, scores.contiguous())
    up_to = torch.searchsorted(ordered, scores.contiguous(), right=True)
    return (below + up_to).double() / (2 * len(others))


def _precision_moves(rows: Tensor) -> Tensor:
    """The jackknife of average precision, by sums along the ranking; the mean over classes."""
    scores, truths = ranked(rows)
    found = [_precision_without_each(scores[:, c], truths[:, c]) for c in range(scores.shape[1]) if _mixed(truths[:, c])]
    return _centred(torch.stack(found).mean(0)) if found else torch.full((len(rows),), math.nan, dtype=torch.float64)


def _precision_without_each(scores: Tensor, truth: Tensor) -> Tensor:
    """Average precision without each unit: it lowers the counts at every score not above its own."""
    distinct, place = (-scores).unique(return_inverse=True)  # the highest score first
    zero = torch.zeros(len(distinct), dtype=torch.float64)
    here = zero.index_add(0, place, truth.double())  # positives at each score
    hits = here.cumsum(0)
    count = hits + zero.index_add(0, place, (~truth).double()).cumsum(0)
    above = (here * hits / count).cumsum(0) - here * hits / count
    fewer = (count - 1).clamp(min=1)
    no_negative, no_positive = here * hits / fewer, here * (hits - 1) / fewer
    below_negative = no_negative.flip(0).cumsum(0).flip(0)
    below_positive = no_positive.flip(0).cumsum(0).flip(0) - (hits - 1) / fewer  # itself is gone
    total = float(truth.sum())
    without_positive = (above + below_positive) / (total - 1) if total > 1 else torch.full_like(zero, math.nan)
    return torch.where(truth, without_positive[place], ((above + below_negative) / total)[place])
