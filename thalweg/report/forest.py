"""The net and all that it is compared with on one axis, each value a point on its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.evaluation.figures import Unit
from thalweg.report.charts import tick_text, ticks
from thalweg.report.markup import text


def forest(rows: Sequence[Mapping[str, Any]], unit: Unit, label: str) -> str:
    """A line per model; the first is the net.

    Args:
        rows: `title`, `value`, `low`, `high` of each; those without a value are left out.
    """
    there = [one for one in rows if one.get("value") is not None]
    low, high = min(map(_low, there)), max(map(_high, there))
    room = 0.04 * (high - low) or max(abs(high) * 0.02, 1e-6)
    span = (low - room, high + room)
    marks = ticks(*span)
    half = (_high(there[0]) - _low(there[0])) / 2
    lines = "".join(
        _line(one, unit, span, marks, value=unit.value(one["value"], half), own=i == 0) for i, one in enumerate(there)
    )
    step = marks[1] - marks[0] if len(marks) > 1 else 1.0
    axis = "".join(f'<i style="left:{_place(mark, span)}">{tick_text(mark, step, percent=unit.percent)}</i>' for mark in marks)
    end = f'<div class="line axis"><span></span><div class="track">{axis}</div><b></b></div>'
    return f'<div class="forest" role="img" aria-label="{text(label)}">{lines}{end}</div>'


def _line(
    one: Mapping[str, Any], unit: Unit, span: tuple[float, float], marks: Sequence[float], *, value: str, own: bool
) -> str:
    low, high = _low(one), _high(one)
    wide = (high - low) / (span[1] - span[0])
    said = f"{one['title']}: {value}" + (f" ({unit.range(low, high)})" if high > low else "")
    back = "".join(f'<i style="left:{_place(mark, span)}"></i>' for mark in marks)
    return (
        f'<div class="line{" own" if own else ""}" title="{text(said)}"><span>{text(one["title"])}</span>'
        f'<div class="track">{back}<s style="left:{_place(low, span)};width:{100 * wide:.2f}%"></s>'
        f'<u style="left:{_place(one["value"], span)}"></u></div><b>{text(value)}</b></div>'
    )


def _place(value: float, span: tuple[float, float]) -> str:
    return f"{100 * (value - span[0]) / (span[1] - span[0]):.2f}%"


def _low(one: Mapping[str, Any]) -> float:
    return float(one["value"] if one.get("low") is None else one["low"])


def _high(one: Mapping[str, Any]) -> float:
    return float(one["value"] if one.get("high") is None else one["high"])
