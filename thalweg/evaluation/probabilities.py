"""Probabilities of the normal, Student's, the beta and the binomial distribution, and their quantiles, of single numbers.

`scipy.special` has them too, and takes .2 s to import, most of it for its documentation: more than a small net's evaluation.
"""

import math
from collections.abc import Callable
from statistics import NormalDist

TINY, CLOSE, MOST_TERMS, MOST_STEPS = 1e-300, 3e-16, 100_000, 200
LARGE = 10.0
"""From here on Stirling's series gives all digits."""


def normal(z: float) -> float:
    """The chance that a standard normal number is at most z."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def normal_quantile(share: float) -> float:
    """What a standard normal number does not exceed by this chance, in (0, 1)."""
    return NormalDist().inv_cdf(share)


def student(df: float, t: float) -> float:
    """The chance that Student's t with so many degrees of freedom is at most t; NaN where there are none."""
    if not df > 0 or math.isnan(t):
        return math.nan
    if abs(t) < 1:
        return 0.5 + math.copysign(0.5 * beta(0.5, df / 2, t * t / (df + t * t)), t)
    tail = 0.5 * beta(df / 2, 0.5, df / (df + t * t))
    return tail if t <= 0 else 1 - tail


def student_quantile(df: float, share: float) -> float:
    """What Student's t does not exceed by this chance, in (0, 1); NaN where there are no degrees of freedom."""
    if not df > 0:
        return math.nan
    both = 2 * min(share, 1 - share)
    if both < 0.5:
        x = beta_quantile(df / 2, 0.5, both)  # of df / (df + t²)
        size = math.sqrt(df * (1 - x) / x) if x > 0 else math.inf
    else:
        x = beta_quantile(0.5, df / 2, 1 - both)  # of t² / (df + t²)
        size = math.sqrt(df * x / (1 - x))
    return math.copysign(size, share - 0.5)


def beta(a: float, b: float, x: float) -> float:
    """The chance that a beta number is at most x: the regularised incomplete beta function.

    Args:
        a, b: above 0.

    Reference: DLMF 8.17.22 (its continued fraction), by the way of Lentz.
    """
    if math.isnan(a + b + x):
        return math.nan
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def beta_quantile(a: float, b: float, share: float) -> float:
    """What a beta number does not exceed by this chance, in [0, 1]."""
    if math.isnan(a + b + share):
        return math.nan
    if share <= 0 or share >= 1:
        return float(share >= 1)
    constant = _log_beta(a, b)

    def density(x: float) -> float:
        return math.exp(min(700.0, (a - 1) * math.log(x) + (b - 1) * math.log1p(-x) - constant))

    return _root(lambda x: beta(a, b, x) - share, density, a / (a + b))


def binomial(least: float, count: int, share: float) -> float:
    """The chance of at most so many of a count, each by a share in (0, 1)."""
    least = math.floor(least)
    return 1.0 if least >= count else 0.0 if least < 0 else beta(count - least, least + 1, 1 - share)


def _log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function; of large numbers by what Stirling's formula leaves, as their gammas cancel."""
    less, more = sorted((a, b))
    if more < LARGE:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    share = less / (less + more)
    rest = _beyond_stirling(more) - _beyond_stirling(less + more) + (more - 0.5) * math.log1p(-share)
    if less < LARGE:
        return math.lgamma(less) + rest + less - less * math.log(less + more)
    return rest + _beyond_stirling(less) + (less - 0.5) * math.log(share) + 0.5 * math.log(2 * math.pi / (less + more))


def _beyond_stirling(x: float) -> float:
    """The logarithm of gamma less (x - 1/2) log x - x + log(2 pi) / 2, of numbers from 10 on (DLMF 5.11.1)."""
    y = 1 / (x * x)
    return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x


def _fraction(a: float, b: float, x: float) -> float:
    above, below = 1.0, _away(1 - (a + b) * x / (a + 1))
    below = 1 / below
    found = below
    for m in range(1, MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            below = 1 / _away(1 + term * below)
            above = _away(1 + term / above)
            found *= above * below
        if abs(above * below - 1) < CLOSE:
            break
    return found


def _away(value: float) -> float:
    """Not so near to zero that nothing can be divided by it."""
    return value if abs(value) > TINY else TINY


def _root(excess: Callable[[float], float], slope: Callable[[float], float], x: float) -> float:
    """Where a growing function of numbers in (0, 1) is zero: Newton's steps, and halves where they lead out of what is left."""
    low, high = 0.0, 1.0
    for _ in range(MOST_STEPS):
        value = excess(x)
        low, high = (x, high) if value < 0 else (low, x)
        steep = slope(x)
        after = x - value / steep if steep > 0 else -1.0
        if not low < after < high:
            after = (low + high) / 2 if low > 0 else high / 16
        if abs(after - x) <= CLOSE * x:
            return after
        x = after
    return x
