"""Numbers so far from the others that they may be slips."""

import numpy as np
import scipy

from thalweg.checks.detectors.sentinels import sentinel_of
from thalweg.checks.finding import Finding, counted, enough, shown_rows
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

FAR, RATIO = 6.0, 1.3
"""What is far out: so many robust deviations from the median, and so many times as far as the next inner value."""
UNLIKELY = 0.001
"""The chance of so wide a gap, or of so uneven a share of a class."""
TAIL = 0.3
"""Share of a side's values, the outermost, that tell how heavy its tail is."""
MODE, MOST = 0.25, 0.1
"""A value that more of the rows have is left aside; more than this share is no few."""
HURRIED = 50_000


@detector("outliers", turn=2)
def outliers(subject: Subject) -> list[Finding]:
    """Columns with a few values behind a gap that their tail does not explain; what stands for missing is left aside.

    What goes along with the target is no slip: amounts that only frauds reach say that they are frauds.
    """
    columns = subject.numbers(10)
    read = np.arange(len(subject))
    if columns:
        read = subject.sample(read, most=len(subject), hurried=HURRIED, what="values far out")
    found = []
    for one in columns:
        numbers = one.numbers[read]
        rows = read[far_rows(np.where(numbers == sentinel_of(one), np.nan, numbers))]
        if not enough(len(rows), len(read)) or _goes_with_target(rows, subject):
            continue
        ends = one.numbers[rows]
        far = f"{counted(len(rows), 'value')} far from the others, {ends.min():g} to {ends.max():g}"
        what = f'"{one.name}" has {far} ({shown_rows(rows)})'
        found.append(
            Finding(
                "note",
                "OUTLIERS",
                what,
                "they may be slips or another unit; they pull at scales and squares.",
                "look at these rows",
                rows.tolist(),
                one.name,
            )
        )
    return found


def far_rows(numbers: np.ndarray) -> np.ndarray:
    """The rows whose values lie far out; a value that more than a quarter of the rows have is left aside."""
    there = np.flatnonzero(np.isfinite(numbers))
    values = numbers[there]
    found, counts = np.unique(values, return_counts=True)
    if len(found) and counts.max() > MODE * len(values):
        keep = values != found[counts.argmax()]
        there, values = there[keep], values[keep]
    if len(values) < 20 or len(np.unique(values)) < 10:
        return np.zeros(0, dtype=np.int64)
    away = values - np.median(values)
    return there[_beyond_gap(away) | _beyond_gap(-away)]


def _beyond_gap(away: np.ndarray) -> np.ndarray:
    """(n,) bool: values on the positive side behind a gap that is too wide for their number and for the side's tail.

    Of a tail like 1 / xᵃ, the logarithm of the ratio between the k-th largest value and the next is exponential with mean
    1 / (a k); a is read off the outer values before it. Values that are equal count as one, like a fare that a family paid.

    Reference: Rényi 1953, doi:10.1007/BF02127580 (spacings); Hill 1975, doi:10.1214/aos/1176343247 (the tail).
    """
    side = np.sort(away[away > 0])
    deviation = float(np.median(side)) / 0.6745 if len(side) >= 8 else 0.0
    if deviation <= 0:
        return np.zeros(len(away), dtype=bool)
    different, first = np.unique(side, return_index=True)
    logs, behind = np.log(different), len(side) - first[1:]
    beyond, gap = len(different) - np.arange(1, len(different)), logs[1:] - logs[:-1]
    chance = np.exp(-_heaviness(np.log(side), first[1:]) * beyond * gap)
    far = (gap >= np.log(RATIO)) & (behind <= MOST * len(away)) & (different[1:] >= FAR * deviation)
    places = np.flatnonzero((chance <= UNLIKELY) & far)
    return away >= (different[places[0] + 1] if len(places) else np.inf)


def _heaviness(logs: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """(C,) the exponent of a side's tail (n,) as its values before each cut tell it, those beyond counting as being farther."""
    start = int((1 - TAIL) * len(logs))
    height = np.cumsum(logs - logs[start])
    inner = logs[cuts - 1] - logs[start]
    exposure = height[cuts - 1] - height[start] + (len(logs) - cuts) * inner
    return np.where(cuts > start, (cuts - start) / np.maximum(exposure, 1e-9), 0.0)


def _goes_with_target(rows: np.ndarray, subject: Subject) -> bool:
    """The rows' targets are others than chance would draw."""
    target: Seen | None = subject.target
    if target is None or not len(rows):
        return False
    if subject.classes is not None:
        here = np.bincount(target.codes[rows] + 1, minlength=target.distinct + 1)
        shares = np.bincount(target.codes + 1, minlength=target.distinct + 1) / len(subject)
        return bool((scipy.stats.binom.sf(here - 1, len(rows), shares) * np.count_nonzero(shares) < UNLIKELY).any())
    known = np.isfinite(target.numbers)
    own = np.isin(np.arange(len(subject)), rows)
    if subject.amounts is None or not (known & own).any() or not (known & ~own).any():
        return False
    return bool(scipy.stats.mannwhitneyu(target.numbers[known & own], target.numbers[known & ~own]).pvalue < UNLIKELY)
