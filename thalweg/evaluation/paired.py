"""The difference of two models on the same units: positive where the first, the net, is ahead.

Reference: Bonett & Price 2012 (paired shares, phantom units); Zou & Donner 2008, doi:10.1002/sim.3095 (MOVER); Fagerland,
Lydersen & Laake 2013, doi:10.1186/1471-2288-13-91 (McNemar's mid-p).

Letters: b, c units that only the net, only the opponent gets right; n units.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.evaluation import intervals, probabilities
from thalweg.evaluation.clopper_pearson import ALPHA, Ends, standard_error, student
from thalweg.evaluation.leaving_out import concentrated, error_of, form, moves, value_of
from thalweg.evaluation.one_metric import deciding, interval, support
from thalweg.evaluation.units import count, in_units
from thalweg.metrics._metric import Metric

FEW_UNITS = 30
FEW_EXAMPLES = 5
LONG_TAILED = ("positive", "plain")
"""Forms of interval of metrics that a single example can move as far as it likes."""
EXAMPLES, GROUPS = "examples", "groups"
"""What units are called."""


@dataclass(frozen=True)
class Difference:
    """How far the net is ahead, and how sure that is.

    Attributes:
        value: the difference as it was observed; losses negated, so that positive is always ahead.
        low: low end of its interval, which is centred on `centre`.
        p: None where there is no test behind the interval.
        mid_p: McNemar's mid-p, for shares only.
        n: units.
        reason: why these data cannot decide, whatever the interval; empty where they can.
        concentrated: a few units hold most of the variance.
        units: what they are called: examples, or groups of them.
        alike: neither is ahead in a single example: what both say is equally good in each, or without a fault.
    """

    value: float
    low: float
    high: float
    p: float | None
    mid_p: float | None
    n: int
    centre: float
    reason: str = ""
    concentrated: bool = False
    units: str = EXAMPLES
    alike: bool = False

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def difference(
    metric: Metric[Any], net: Tensor, opponent: Tensor, *, groups: Tensor | None = None, alpha: float = ALPHA
) -> Difference | None:
    """The difference of a metric on the same units, from the rows (n, k) of both; None where either is undefined.

    Args:
        groups: (n,) the group of each row, from 0, where whole groups are the units.
    """
    ours, theirs = value_of(metric, net), value_of(metric, opponent)
    units = len(net) if groups is None else count(groups)
    if ours is None or theirs is None or units < 2:
        return None
    found = _difference(metric, net, opponent, (ours - theirs) * sign(metric), groups, alpha)
    faultless = ours == theirs == metric.declaration.facts.get("best")  # type: ignore[attr-defined]
    found = dataclasses.replace(found, alike=faultless or torch.equal(net, opponent))
    return found if groups is None else dataclasses.replace(found, n=units, units=GROUPS)


def _difference(
    metric: Metric[Any], net: Tensor, opponent: Tensor, raw: float, groups: Tensor | None, alpha: float
) -> Difference:
    reason = too_little(metric, net, groups)
    if _counted(metric, net) and torch.equal(net[:, 1], opponent[:, 1]):
        return _of_shares(metric, net, opponent, groups=groups, alpha=alpha)
    if form(metric) in ("ranking", "precision"):
        return _of_rankings(metric, net, opponent, groups=groups, reason=reason, alpha=alpha)
    first, second = (
        in_units(net, groups) if metric.additive else net,
        in_units(opponent, groups) if metric.additive else opponent,
    )
    n = len(first)
    won = _phantoms(metric, net)
    if won is not None:
        first, second = torch.cat([first, won]), torch.cat([second, won.flip(0)])
    centre = raw if won is None else (_known(metric, first) - _known(metric, second)) * sign(metric)
    inside = None if metric.additive else groups
    moved = moves(metric, first, inside) - moves(metric, second, inside)
    df = n - 1 if metric.additive else len(moved) - 1
    found = _student(raw, centre, moved, df=df, n=n, reason=reason, alpha=alpha)
    return dataclasses.replace(found, concentrated=form(metric) in LONG_TAILED and concentrated(moved))


def paired_moves(metric: Metric[Any], net: Tensor, opponent: Tensor | None, groups: Tensor | None = None) -> Tensor:
    """How much each unit moves net − opponent, or the net alone; phantom examples, one won by each, included.

    Letters as in `leaving_out`: the squared standard error is the sum of squares.
    """
    won = torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=net.dtype) if _counted(metric, net) else _phantoms(metric, net)

    def moved(rows: Tensor, phantoms: Tensor | None) -> Tensor:
        if not metric.additive:
            return moves(metric, rows, groups)
        units = in_units(rows, groups)
        return moves(metric, units if phantoms is None else torch.cat([units, phantoms]))

    ours = moved(net, won)
    return ours if opponent is None else ours - moved(opponent, None if won is None else won.flip(0))


def sign(metric: Metric[Any]) -> float:
    """1 where higher is better, else -1."""
    return 1.0 if metric.declaration.facts["better"] == "higher" else -1.0  # type: ignore[attr-defined]


def too_little(metric: Metric[Any], rows: Tensor, groups: Tensor | None = None) -> str:
    """Why so few examples decide nothing; empty where they may."""
    if groups is not None and count(groups) < FEW_EXAMPLES:
        return _few_groups(count(groups))
    if _counted(metric, rows):
        return ""
    units, name = (len(rows), EXAMPLES) if groups is None else (count(groups), GROUPS)
    if units < FEW_UNITS:
        return f"{units} {name} are too few for this metric; {FEW_UNITS} are the least"
    if form(metric) in ("ranking", "precision", "f1"):
        smallest = int(deciding(metric, rows).smallest) if form(metric) != "f1" else _either_side(rows)
        if smallest < FEW_EXAMPLES:
            return f"a class has {smallest} examples in the test part; {FEW_EXAMPLES} are the least"
    return ""


def bonett_price(b: float, c: float, n: float) -> tuple[float, float]:
    """Centre and standard error of a paired difference of shares, a phantom win added for each side."""
    p, q = (b + 1) / (n + 2), (c + 1) / (n + 2)
    centre = p - q
    return centre, math.sqrt((p + q - centre**2) / (n + 2))


def shares_differ(b: float, c: float, n: float, *, alpha: float = ALPHA) -> Difference:
    """The paired difference of two shares from the counts of disagreement; shares differ by 1 at most."""
    z = probabilities.normal_quantile(1 - alpha / 2)
    centre, error = bonett_price(b, c, n)
    p = 2 * probabilities.normal(-abs(centre) / error)
    low, high = max(-1.0, centre - z * error), min(1.0, centre + z * error)
    return Difference((b - c) / n, low, high, p, _mid_p(b, c), int(n), centre)


def shares_differ_in_groups(net: np.ndarray, opponent: np.ndarray, group: np.ndarray, *, alpha: float = ALPHA) -> Difference:
    """The paired difference of two shares of units (n,) that come in groups."""
    names, place = np.unique(group, return_inverse=True)
    groups, n = len(names), len(net)
    b, c = int((net & ~opponent).sum()), int((~net & opponent).sum())
    gain = np.bincount(place, net.astype(float) - opponent.astype(float))
    size = np.bincount(place).astype(float)
    d = (b - c) / n
    error = standard_error((gain.sum() - gain) / (n - size))
    variance = (b + c) / n - d**2
    effect = max(1.0, error**2 * n / variance if variance > 0 else n / groups)
    t = student(groups - 1, alpha=alpha)
    centre, spread = bonett_price(b / effect, c / effect, n / effect)
    p = 2 * probabilities.student(groups - 1, -abs(centre) / spread)
    reason = _few_groups(groups) if groups < FEW_EXAMPLES else ""
    low, high = max(-1.0, centre - t * spread), min(1.0, centre + t * spread)
    return Difference(d, low, high, p, None, groups, centre, reason, units=GROUPS)


def width_of_shares(
    metric: Metric[Any], repeats: Sequence[tuple[Tensor, Tensor]], groups: Sequence[Tensor | None], *, alpha: float = ALPHA
) -> float:
    """The width of the interval of a difference of shares, all rows having been judged several times; 0 of other metrics.

    Counts of disagreement are averaged over the repeats, where groups are the units the widths.

    Args:
        repeats: rows (n, k) of net and opponent, all of them in each repeat.
        groups: (n,) the group of each row, by repeat.
    """
    if not all(_counted(metric, net) and torch.equal(net[:, 1], other[:, 1]) for net, other in repeats):
        return 0.0
    if groups[0] is not None:
        found = [_of_shares(metric, *rows, groups=one, alpha=alpha) for rows, one in zip(repeats, groups, strict=True)]
        return sum(one.high - one.low for one in found) / len(found)
    b, c, n = (sum(some) / len(repeats) for some in zip(*(_disagreements(metric, *rows) for rows in repeats), strict=True))
    whole = shares_differ(b, c, n, alpha=alpha)
    return whole.high - whole.low


def mover(first: float, first_ends: Ends, second: float, second_ends: Ends, *, correlation: float = 0.0) -> Ends:
    """The interval of first − second, made of the intervals of both."""
    d = first - second

    def reach(mine: float, other: float) -> float:
        return math.sqrt(max(0.0, mine**2 + other**2 - 2 * correlation * mine * other))

    below = reach(first - first_ends[0], second_ends[1] - second)
    return d - below, d + reach(first_ends[1] - first, second - second_ends[0])


def _counted(metric: Metric[Any], rows: Tensor) -> bool:
    """Each unit is right or wrong."""
    return form(metric) == "proportion" and bool((rows[:, 1] <= 1).all())


def _few_groups(groups: int) -> str:
    return f"{groups} groups are too few; {FEW_EXAMPLES} are the least"


def _either_side(rows: Tensor) -> int:
    positives = int((rows[:, 0] + rows[:, 2]).sum())
    return min(positives, len(rows) - positives)


def _of_shares(metric: Metric[Any], net: Tensor, opponent: Tensor, *, groups: Tensor | None, alpha: float) -> Difference:
    if groups is not None:
        first, second = (net, opponent) if sign(metric) > 0 else (opponent, net)
        shown = (net[:, 1] > 0).numpy()
        ours, theirs = ((one[:, 0] > 0).numpy()[shown] for one in (first, second))
        return shares_differ_in_groups(ours, theirs, groups.numpy()[shown], alpha=alpha)
    b, c, n = _disagreements(metric, net, opponent)
    return shares_differ(b, c, n, alpha=alpha)


def _disagreements(metric: Metric[Any], net: Tensor, opponent: Tensor) -> tuple[float, float, float]:
    """b, c and n."""
    won, lost = net[:, 0] > opponent[:, 0], net[:, 0] < opponent[:, 0]
    b, c, n = float(won.sum()), float(lost.sum()), float(net[:, 1].sum())
    return (b, c, n) if sign(metric) > 0 else (c, b, n)


def _of_rankings(
    metric: Metric[Any], net: Tensor, opponent: Tensor, *, groups: Tensor | None, reason: str, alpha: float
) -> Difference:
    ours, theirs = moves(metric, net, groups), moves(metric, opponent, groups)
    k, n = deciding(metric, net).k, len(net)
    a, b = _known(metric, net), _known(metric, opponent)
    raw = (a - b) * sign(metric)
    if (1 - max(a, b)) * k >= intervals.CEILING:
        df = k - 1 if groups is None else count(groups) - 1
        return _student(raw, raw, ours - theirs, df=df, n=n, reason=reason, alpha=alpha)
    ends = [interval(metric, rows, groups=groups, alpha=alpha) for rows in (net, opponent)]
    if ends[0] is None or ends[1] is None:
        return Difference(raw, -1.0, 1.0, None, None, n, raw, reason or "too few examples of a class")
    apart = float(ours.square().sum() + theirs.square().sum() - (ours - theirs).square().sum())
    together = 2 * error_of(ours) * error_of(theirs)
    correlation = min(1.0, max(0.0, apart / together)) if together > 0 else 0.0
    low, high = mover(a, ends[0], b, ends[1], correlation=correlation)
    return Difference(raw, low, high, None, None, n, raw, reason)


def _student(raw: float, centre: float, moved: Tensor, *, df: float, n: int, reason: str, alpha: float) -> Difference:
    error = error_of(moved)
    if not math.isfinite(error):
        return Difference(raw, -math.inf, math.inf, None, None, n, centre, reason or "a class has too few examples")
    half = student(df, alpha=alpha) * error
    p = 2 * probabilities.student(df, -abs(centre) / error) if error > 0 else None
    return Difference(raw, centre - half, centre + half, p, None, n, centre, reason)


def _phantoms(metric: Metric[Any], rows: Tensor) -> Tensor | None:
    """Rows of two phantom examples of the rarest class, the first won and the second lost; None: the metric takes none."""
    if form(metric) == "f1":
        code = int(metric.settings.positive)
    elif form(metric) == "classes":
        counts = support(metric, rows)
        code = int(torch.where(counts > 0, counts, torch.inf).argmin())
    else:
        return None
    nothing = -1  # a prediction outside the classes answers none of them
    return metric.rows(torch.tensor([code, nothing]), torch.tensor([code, code]))


def _known(metric: Metric[Any], rows: Tensor) -> float:
    value = value_of(metric, rows)
    assert value is not None, "a difference has two values"
    return value


def _mid_p(b: float, c: float) -> float:
    """McNemar's test of b against c, counting half of what was observed."""
    if b + c == 0:
        return 1.0
    fewer, both = min(b, c), b + c
    up_to = probabilities.binomial(fewer, int(both), 0.5)
    before = probabilities.binomial(fewer - 1, int(both), 0.5) if fewer > 0 else 0.0
    return min(1.0, up_to + before)
