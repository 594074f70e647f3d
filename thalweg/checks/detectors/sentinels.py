"""Numbers that stand for a missing value: −999, 99999, or a zero where none can be."""

import math

import numpy as np

from thalweg.checks.finding import Finding, enough, option, shares
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

BEYOND = 0.3
"""A sentinel lies beyond the others by so many of their ranges, ..."""
SPIKE = 5.0
"""... or is so many times as frequent as its neighbours."""


@detector("sentinels", turn=2, alone=True)
def sentinels(subject: Subject) -> list[Finding]:
    """Values of nines at an end of a column, and zeros far below everything else."""
    found = []
    for one in subject.numbers(5):
        value = sentinel_of(one)
        if value is None:
            continue
        rows = np.flatnonzero(one.numbers == value)
        what = f'"{one.name}" is {value:g} in {shares(len(rows), len(one))} of the rows, far from all other values'
        why = "it looks like a word for missing, and would be read as a number."
        found.append(
            Finding(
                "warn",
                "SENTINEL",
                what,
                why,
                _fix(one, value, subject),
                rows.tolist(),
                one.name,
                concern="values",
            )
        )
    return found


def _fix(one: Seen, value: float, subject: Subject) -> str:
    """What mends it: a word for missing is one in every column, so it is offered where no other column holds the number."""
    elsewhere = any((other.numbers == value).any() for other in subject.candidates if other is not one)
    cure = "leave these cells empty" if elsewhere else f"{option('--missing', f'{value:g}')} counts them as missing"
    return f"{cure}, or {option('--ignore', one.name)}"


def sentinel_of(one: Seen) -> float | None:
    """The number that looks like a word for missing."""
    value = _nines(one, len(one))
    return value if value is not None else _zero(one, len(one))


def _nines(one: Seen, rows: int) -> float | None:
    """The value at either end that is written in nines (or minus one), if it stands out."""
    there = one.numbers[np.isfinite(one.numbers)]
    found, counts = np.unique(there, return_counts=True)
    for place in (0, len(found) - 1):
        value, count = float(found[place]), int(counts[place])
        if enough(count, rows) and _written_in_nines(value):
            rest, others = np.delete(found, place), np.delete(counts, place)
            if _stands_out(value, count, rest, others):
                return value
    return None


def _written_in_nines(value: float) -> bool:
    digits = f"{abs(value):.10g}"
    return (
        value == -1
        or (digits.replace(".", "").strip("9") == "" and abs(value) >= 99)
        or abs(value) in (999.25, 9998.0, 8888.0, 888.0)
    )


def _stands_out(value: float, count: int, rest: np.ndarray, counts: np.ndarray) -> bool:
    width = float(rest[-1] - rest[0])
    gap = float(rest[0] - value) if value < rest[0] else float(value - rest[-1])
    if gap > BEYOND * width or (value < 0 <= rest[0]):
        return True
    near = counts[np.argsort(np.abs(rest - value))[:5]]
    return value != -1 and count >= SPIKE * max(float(near.max()), 1.0)


def _zero(one: Seen, rows: int) -> float | None:
    """Zero, where the next value is a whole width of the middle half away."""
    there = one.numbers[np.isfinite(one.numbers)]
    above = there[there > 0]
    zeros = int((there == 0).sum())
    if not enough(zeros, rows) or there.min() < 0 or len(above) < 20 or zeros > 0.5 * len(there):
        return None
    low, high = np.percentile(above, [25, 75])
    width = float(high - low)
    return 0.0 if width > 0 and above.min() >= width and len(np.unique(above)) >= 10 and not math.isclose(low, high) else None
