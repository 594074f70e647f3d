"""The net and all that it is compared with on one axis, each value a point on its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.evaluation.axis import Axis, axis_of, high_of, low_of
from thalweg.evaluation.figures import Unit
from thalweg.report.charts import tick_text, ticks
from thalweg.report.markup import text

MANY = 3
"""Ticks of which every other one goes where the page is narrow."""
BEYOND = "What lies too far off for this axis is an arrow."


def forest(rows: Sequence[Mapping[str, Any]], unit: Unit, label: str) -> str:
    """A line per model; the first is the net.

    Args:
        rows: `title`, `value`, `low`, `high` of each; those without a value are left out.
    """
    there = _there(rows)
    axis = _spread(_axis(there, unit))
    marks = ticks(axis.low, axis.high)
    half = (high_of(there[0]) - low_of(there[0])) / 2
    lines = "".join(
        _line(one, unit, axis, marks, value=unit.value(one["value"], half), own=i == 0) for i, one in enumerate(there)
    )
    step = marks[1] - marks[0] if len(marks) > 1 else 1.0
    words = "".join(f'<i style="left:{_place(mark, axis)}">{tick_text(mark, step, percent=unit.percent)}</i>' for mark in marks)
    many = " many" if len(marks) > MANY else ""
    end = f'<div class="line axis{many}"><span></span><div class="track">{words}</div><b></b></div>'
    return f'<div class="forest" role="img" aria-label="{text(label)}">{lines}{end}</div>'


def beyond(rows: Sequence[Mapping[str, Any]], unit: Unit) -> str:
    """What must be said of rows that have no place on the axis; nothing where all have one."""
    there = _there(rows)
    axis = _axis(there, unit)
    return "" if all(axis.holds(one) for one in there) else BEYOND


def _there(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in rows if one.get("value") is not None]


def _axis(there: Sequence[Mapping[str, Any]], unit: Unit) -> Axis:
    return axis_of(there[0], there[1:], higher=unit.better == "higher")


def _spread(axis: Axis) -> Axis:
    """The axis with some room at both ends."""
    room = 0.04 * (axis.high - axis.low) or max(abs(axis.high) * 0.02, 1e-6)
    return Axis(axis.low - room, axis.high + room)


def _line(one: Mapping[str, Any], unit: Unit, axis: Axis, marks: Sequence[float], *, value: str, own: bool) -> str:
    low, high = low_of(one), high_of(one)
    said = f"{one['title']}: {value}" + (f" ({unit.range(low, high)})" if high > low else "")
    back = "".join(f'<i style="left:{_place(mark, axis)}"></i>' for mark in marks)
    return (
        f'<div class="line{" own" if own else ""}" title="{text(said)}"><span>{text(one["title"])}</span>'
        f'<div class="track">{back}{_drawn(one, axis)}</div><b>{text(value)}</b></div>'
    )


def _drawn(one: Mapping[str, Any], axis: Axis) -> str:
    """The interval with its point, or an arrow to the side where it lies."""
    if not axis.holds(one):
        return '<q class="left">◂</q>' if one["value"] < axis.high else '<q class="right">▸</q>'
    low, wide = low_of(one), (high_of(one) - low_of(one)) / (axis.high - axis.low)
    line = f'<s style="left:{_place(low, axis)};width:{100 * wide:.2f}%"></s>'
    return f'{line}<u style="left:{_place(one["value"], axis)}"></u>'


def _place(value: float, axis: Axis) -> str:
    return f"{100 * (value - axis.low) / (axis.high - axis.low):.2f}%"
