"""Bars with their intervals: values that begin at zero, each with its name at the left and its figure where it ends."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from thalweg.report.charts import SIGN, Frame, svg, width_of
from thalweg.report.markup import text

ROW, BAR, LONGEST = 22, 12, 24
"""Pixels of a row and of a bar in it; signs of a name that are shown."""


class Bar(NamedTuple):
    """A value with its name and interval, and how it is written."""

    name: str
    value: float
    low: float | None
    high: float | None
    words: str


def bars(rows: Sequence[Bar], *, label: str, said: str) -> str:
    """A row for each bar, the first on top."""
    shown = [_cut(one.name) for one in rows]
    left = math.ceil(max(map(width_of, shown))) + 10
    right = math.ceil(SIGN * max(len(one.words) for one in rows)) + 12
    low = min(0.0, *(one.value if one.low is None else one.low for one in rows))
    high = max(0.0, *(one.value if one.high is None else one.high for one in rows)) or 1.0
    frame = Frame((low, high), (0.0, 1.0), height=ROW * len(rows) + 8, left=left, right=right, bottom=0, top=0)
    zero = f'<line class="grid" x1="{frame.px(0):.1f}" x2="{frame.px(0):.1f}" y1="0" y2="{frame.height}"/>'
    drawn = "".join(
        _row(frame, one, name, ROW * i + 4 + ROW / 2) for i, (one, name) in enumerate(zip(rows, shown, strict=True))
    )
    return svg(frame, label, zero + drawn, said=said)


def _row(frame: Frame, one: Bar, name: str, middle: float) -> str:
    zero, end = frame.px(0), frame.px(one.value)
    furthest = max(end, frame.px(one.high) if one.high is not None else end, zero)
    box = (
        f'<rect x="{min(zero, end):.1f}" y="{middle - BAR / 2:.1f}" width="{abs(end - zero):.1f}" height="{BAR}" rx="2" '
        'fill="var(--own)" fill-opacity=".55"/>'
    )
    line = (
        f'<line x1="{frame.px(one.low):.1f}" x2="{frame.px(one.high):.1f}" y1="{middle:.1f}" y2="{middle:.1f}" '
        'stroke="var(--own)" stroke-width="2"/>'
        if one.low is not None and one.high is not None
        else ""
    )
    return (
        f'<text x="{frame.left - 8}" y="{middle + 4:.1f}" text-anchor="end">{text(name)}</text>{box}{line}'
        f'<text class="tick" x="{furthest + 6:.1f}" y="{middle + 4:.1f}">{text(one.words)}</text>'
    )


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
