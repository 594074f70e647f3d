"""Shares of independent units: exact intervals, also where units come in groups.

Reference: Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404; Korn & Graubard 1998 (groups).
"""

import math

import numpy as np

from thalweg.evaluation.probabilities import beta_quantile, student_quantile

ALPHA = 0.05
"""The share of intervals that may miss the truth."""

Ends = tuple[float, float]
"""Low and high end of an interval."""


def clopper_pearson(k: float, n: float, *, alpha: float = ALPHA) -> Ends:
    """The shares for which k of n units would be no surprise.

    Args:
        k: units that count, in [0, n]; fractions are allowed.
        n: units in all, above 0.
    """
    low = 0.0 if k <= 0 else beta_quantile(k, n - k + 1, alpha / 2)
    high = 1.0 if k >= n else beta_quantile(k + 1, n - k, 1 - alpha / 2)
    return low, high


def effective_size(right: np.ndarray, size: np.ndarray, *, alpha: float = ALPHA) -> float:
    """How many independent units the groups are worth: n' of Korn and Graubard.

    Args:
        right: (G,) units of each group that count.
        size: (G,) units of each group.
    """
    n, groups = float(size.sum()), len(size)
    share = float(right.sum() / n)
    error = standard_error(_ratios(right, size))
    effective = min(n, share * (1 - share) / error**2) if error > 0 else float(groups)
    return effective * (student(n - 1, alpha=alpha) / student(groups - 1, alpha=alpha)) ** 2


def clopper_pearson_of_groups(right: np.ndarray, size: np.ndarray, *, alpha: float = ALPHA) -> Ends:
    """The interval of a share whose units come in groups (G,) of that many right and that size."""
    effective = effective_size(right, size, alpha=alpha)
    return clopper_pearson(float(right.sum() / size.sum()) * effective, effective, alpha=alpha)


def standard_error(left_out: np.ndarray) -> float:
    """The jackknife's standard error, of the values (n,) with each unit left out once.

    Reference: Tukey 1958, doi:10.1214/aoms/1177706647.
    """
    n = len(left_out)
    return math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))


def student(df: float, *, alpha: float = ALPHA) -> float:
    """The two-sided quantile of Student's t."""
    return student_quantile(df, 1 - alpha / 2)


def _ratios(right: np.ndarray, size: np.ndarray) -> np.ndarray:
    return (right.sum() - right) / (size.sum() - size)
