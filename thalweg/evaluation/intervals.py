"""Intervals of metrics that are no plain shares: on the scale on which their errors are even, never beyond what is possible.

Reference: Newcombe 2006, doi:10.1002/sim.2323 (area under ROC, method 5).
"""

import math
from collections.abc import Callable

from thalweg.evaluation.clopper_pearson import ALPHA, Ends, clopper_pearson, student
from thalweg.evaluation.probabilities import normal_quantile

CEILING = 5.0
"""Fewer failures than this, of the examples that decide: the interval is widened to what so few can tell."""


def plain(value: float, error: float, *, df: float, alpha: float = ALPHA) -> Ends:
    """The interval value ± t·error."""
    half = student(df, alpha=alpha) * error
    return value - half, value + half


def on_log_scale(value: float, error: float, *, df: float, alpha: float = ALPHA) -> Ends | None:
    """The interval of a value above 0, even on the log scale; None at 0."""
    if value <= 0:
        return None
    half = student(df, alpha=alpha) * error / value
    return value * math.exp(-half), value * math.exp(min(half, 700.0))


def on_logit_scale(value: float, error: float, *, df: float, alpha: float = ALPHA) -> Ends | None:
    """The interval of a value inside (0, 1), even on the logit scale; None at the ends."""
    if not 0 < value < 1 or not math.isfinite(error) or df < 1:
        return None
    half = student(df, alpha=alpha) * error / (value * (1 - value))
    centre = math.log(value / (1 - value))
    return _logistic(centre - half), _logistic(centre + half)


def newcombe(area: float, positives: int, negatives: int, *, alpha: float = ALPHA) -> Ends:
    """The interval of an area under ROC from the numbers of positives and negatives alone."""
    z, half = normal_quantile(1 - alpha / 2), (positives + negatives) / 2 - 1

    def excess(theta: float) -> float:
        spread = 1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)
        return (theta - area) ** 2 - z**2 * theta * (1 - theta) * spread / (positives * negatives)

    low = 0.0 if area <= 0 else _root(excess, 0.0, area) if area < 1 else _root(excess, 1e-9, 1 - 1e-12)
    high = 1.0 if area >= 1 else _root(excess, area, 1.0) if area > 0 else _root(excess, 1e-12, 1 - 1e-9)
    return low, high


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    """Where f changes its sign between low and high, to the last bit or two, by halving.

    Importing `scipy.optimize` for it takes a quarter of a second.
    """
    rises = f(high) > 0
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if (f(middle) > 0) == rises else (middle, high)
    return middle


def hull(first: Ends | None, second: Ends) -> Ends:
    """The smallest interval that holds both."""
    return second if first is None else (min(first[0], second[0]), max(first[1], second[1]))


def below_ceiling(ends: Ends | None, value: float, k: float, *, alpha: float = ALPHA) -> Ends | None:
    """The interval, widened by that of k deciding units where fewer than five of them failed."""
    if (1 - value) * k < CEILING or ends is None:
        return hull(ends, clopper_pearson(value * k, k, alpha=alpha)) if k > 0 else ends
    return ends


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x)) if x > -700 else 0.0
