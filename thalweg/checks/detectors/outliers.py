"""Numbers so far from the others that they may be slips."""

import numpy as np

from thalweg.checks.detectors.sentinels import sentinel_of
from thalweg.checks.finding import Finding, counted, enough, shown_rows
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

FAR, CLOUD = 6.0, 4.0
"""Robust standard deviations: on its own side; of a cloud that is twice as far as the next inner value."""
GAP, PLAIN_FAR = 1.3, 6.0
LONELY = 4.0
"""On the plain scale: values beyond a gap of that ratio and so many deviations, if their number times the gap's logarithm is
more than this: of a tail like 1 / x², so many lie beyond such a gap with a chance of exp(-8)."""
MODE = 0.25
RATHER = 0.15
"""By so much more uneven may the values be than their logarithms before these are looked at instead."""


@detector("outliers", turn=2)
def outliers(subject: Subject) -> list[Finding]:
    """Columns with values far outside, on the scale on which the column is most even; what stands for missing left aside."""
    found = []
    for one in subject.numbers(10):
        rows = far_rows(np.where(one.numbers == sentinel_of(one), np.nan, one.numbers))
        if not enough(len(rows), len(subject)):
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
    if counts.max() > MODE * len(values):
        keep = values != found[counts.argmax()]
        there, values = there[keep], values[keep]
    if len(values) < 20 or len(np.unique(values)) < 10:
        return np.zeros(0, dtype=np.int64)
    scaled, drawn_in = _most_even(values)
    middle = float(np.median(scaled))
    low, high = _far(middle - scaled, alone=not drawn_in), _far(scaled - middle, alone=True)
    plain = values - np.median(values)
    return there[low | high | _beyond_gap(plain) | _beyond_gap(-plain)]


def _most_even(values: np.ndarray) -> tuple[np.ndarray, bool]:
    """The values, their logarithms or their inverse hyperbolic sines, by their halves; and whether it is not the values.

    Where logarithms are even, what lies near zero is far out on their scale alone.
    """
    low, middle, high = np.percentile(values, [25, 50, 75])
    forms = [values]
    if values.min() > 0:
        forms.append(np.log(values))
    forms.append(np.arcsinh(2 * (values - middle) / ((high - low) or 1.0)))
    best = min(forms, key=lambda form: _unevenness(form) + RATHER * (form is not values))
    return best, best is not values


def _unevenness(values: np.ndarray) -> float:
    gaps = []
    for inner, outer in ((25, 75), (10, 90), (5, 95)):
        low, middle, high = np.percentile(values, [inner, 50, outer])
        gaps.append(abs((high - middle) - (middle - low)) / max(high - low, 1e-12))
    return float(np.mean(gaps))


def _far(away: np.ndarray, *, alone: bool) -> np.ndarray:
    """(n,) bool: values on the positive side that lie far out, in deviations of that side.

    Args:
        alone: single values count, not only a cloud behind a gap.
    """
    side = away[away > 0]
    if len(side) < 5:
        return np.zeros(len(away), dtype=bool)
    deviation = float(np.median(side)) / 0.6745
    ordered = np.sort(side) / max(deviation, 1e-12)
    gaps = np.flatnonzero((ordered[1:] >= 2 * ordered[:-1]) & (ordered[1:] >= CLOUD)) + 1
    few = gaps[len(ordered) - gaps <= 0.1 * len(away)]
    cloud = ordered[few[0]] if len(few) else np.inf
    return away / max(deviation, 1e-12) >= min(cloud, FAR if alone and (ordered > FAR).mean() <= 0.1 else np.inf)


def _beyond_gap(away: np.ndarray) -> np.ndarray:
    """(n,) bool: values on the positive side behind a gap that is too wide for their number, however heavy the tail."""
    side = np.sort(away[away > 0])
    if len(side) < 5:
        return np.zeros(len(away), dtype=bool)
    deviation = float(np.median(side)) / 0.6745
    beyond = len(side) - np.arange(1, len(side))
    gap = np.log(side[1:] / side[:-1])
    lonely = (gap >= np.log(GAP)) & (beyond * gap >= LONELY) & (beyond <= 0.1 * len(away))
    found = np.flatnonzero(lonely & (side[1:] >= PLAIN_FAR * deviation))
    return away >= (side[found[0] + 1] if len(found) else np.inf)
