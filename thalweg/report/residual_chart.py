"""How far numbers are off, by what was predicted: dots around zero, and the range that holds nine in ten."""

import math
from collections.abc import Mapping, Sequence

from thalweg.evaluation.figures import digits, written
from thalweg.report.charts import Frame, dots, grid, left_of, svg

FEWEST = 40
"""Predictions from which on the near and the far half are compared."""


def residuals(true: Sequence[float], said: Sequence[float], errors: Mapping[str, float], label: str, *, told: str) -> str:
    """Errors over predictions.

    Args:
        errors: `low` and `high`, the 5 % and 95 % quantiles of the errors.
        told: what it shows, in words.
    """
    off = [mine - real for mine, real in zip(said, true, strict=True)]
    reach = max(max(map(abs, off)), abs(errors["low"]), abs(errors["high"])) * 1.06 or 1.0
    room = 0.04 * (max(said) - min(said)) or 1.0
    frame = Frame(
        (min(said) - room, max(said) + room), (-reach, reach), height=320, left=left_of((-reach, reach)), bottom=38, top=24
    )
    lines = _across(frame, 0.0, dashed=True) + "".join(_across(frame, errors[end], dashed=False) for end in ("low", "high"))
    name = f'<text class="tick" x="{frame.left + 6}" y="11">predicted too high ↑, too low ↓</text>'
    words = (
        f'<text class="tick" x="{frame.width - frame.right - 2}" y="{frame.py(errors["high"]) - 5:.1f}" text-anchor="end">'
        "nine in ten lie between</text>"
    )
    content = grid(frame, name="predicted") + lines + dots(frame, list(zip(said, off, strict=True))) + words + name
    return svg(frame, label, content, said=told)


def spread_said(true: Sequence[float], said: Sequence[float]) -> str:
    """Whether large predictions are further off than small ones; nothing where there are too few to tell."""
    n = len(said)
    if n < FEWEST:
        return ""
    ordered = [abs(mine - real) for mine, real in sorted(zip(said, true, strict=True))]
    low, high = _mean(ordered[: n // 2]), _mean(ordered[n // 2 :])
    (first, first_error), (second, second_error) = low, high
    error = math.hypot(first_error, second_error)
    if abs(first - second) <= 2 * error:
        return "Large predictions are about as far off as small ones."
    count = digits(error, percent=False)
    side = "further off than" if second > first else "nearer than"
    return f"Large predictions are {side} small ones: {written(second, count)} against {written(first, count)} on average."


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """The mean with its standard error."""
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((one - mean) ** 2 for one in values) / (len(values) - 1) / len(values))


def _across(frame: Frame, y: float, *, dashed: bool) -> str:
    style = 'stroke="var(--soft)" stroke-dasharray="4 3"' if dashed else 'stroke="var(--own)" stroke-opacity=".6"'
    return f'<line x1="{frame.left}" x2="{frame.width - frame.right}" y1="{frame.py(y):.1f}" y2="{frame.py(y):.1f}" {style}/>'
