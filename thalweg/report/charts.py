"""Charts as SVG written by hand: few lines, colours from the page, words at the ends of lines."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thalweg.evaluation.figures import Unit, written
from thalweg.report.markup import text


@dataclass(frozen=True)
class Frame:
    """A field of plotting with its ranges; pixels grow downwards."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = 360
    height: int = 200
    left: int = 48
    bottom: int = 24
    right: int = 24
    top: int = 14

    def px(self, x: float) -> float:
        """The horizontal place of a value."""
        low, high = self.x
        return self.left + (x - low) / ((high - low) or 1) * (self.width - self.left - self.right)

    def py(self, y: float) -> float:
        """The vertical place of a value."""
        low, high = self.y
        return self.height - self.bottom - (y - low) / ((high - low) or 1) * (self.height - self.top - self.bottom)


def ticks(low: float, high: float, *, count: int = 4) -> list[float]:
    """Round values inside a range, about as many as asked for."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float, step: float, *, percent: bool = False) -> str:
    """The words at a tick."""
    scale = 100 if percent else 1
    shown = next((count for count in range(7) if abs(round(step * scale, count) - step * scale) < 1e-9 * scale), 6)
    return written(value * scale, shown) + (" %" if percent else "")


def svg(frame: Frame, label: str, content: str) -> str:
    """A picture with a name for those who cannot see it."""
    return (
        f'<svg viewBox="0 0 {frame.width} {frame.height}" role="img" aria-label="{text(label)}">'
        f"<title>{text(label)}</title>{content}</svg>"
    )


def grid(frame: Frame, *, percent: tuple[bool, bool] = (False, False)) -> str:
    """Ticks below and at the left, with light lines across."""
    across, down = ticks(*frame.x), ticks(*frame.y)
    lines = [
        f'<line class="grid" x1="{frame.left}" x2="{frame.width - frame.right}" y1="{frame.py(y):.1f}" y2="{frame.py(y):.1f}"/>'
        f'<text class="tick" x="{frame.left - 6}" y="{frame.py(y) + 4:.1f}" text-anchor="end">'
        f"{tick_text(y, _step(down), percent=percent[1])}</text>"
        for y in down
    ]
    lines += [
        f'<text class="tick" x="{frame.px(x):.1f}" y="{frame.height - 6}" text-anchor="middle">'
        f"{tick_text(x, _step(across), percent=percent[0])}</text>"
        for x in across
    ]
    return "".join(lines)


def curve(
    points: Sequence[tuple[float, float]], unit: Unit | None, *, label: str, marked: int | None = None, mark: str = ""
) -> str:
    """A line through points, one of them marked."""
    values = [y for _, y in points]
    low, high = min(values), max(values)
    room = 0.16 * (high - low) or max(abs(high) * 0.05, 1e-3)
    frame = Frame((points[0][0], points[-1][0]), (low - (room if marked is not None else 0), high + room), bottom=26)
    percent = bool(unit and unit.percent)
    path = " ".join(f"{frame.px(x):.1f},{frame.py(y):.1f}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="var(--own)" stroke-width="2.5" stroke-linejoin="round"/>'
    return svg(frame, label, grid(frame, percent=(False, percent)) + line + _marked(frame, points, marked, mark))


def _marked(frame: Frame, points: Sequence[tuple[float, float]], marked: int | None, mark: str) -> str:
    if marked is None:
        return ""
    x, y = frame.px(points[marked][0]), frame.py(points[marked][1])
    anchor = "start" if x < 90 else "end" if x > frame.width - 80 else "middle"
    above = y - 10 if y < frame.height / 2 else y + 18  # away from the rest of the curve
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="var(--own)"/>'
        f'<text x="{x:.1f}" y="{above:.1f}" text-anchor="{anchor}">{text(mark)}</text>'
    )


def calibration(bins: Sequence[Mapping[str, Any]], label: str) -> str:
    """Predicted against observed share, with intervals, beside the line on which both agree."""
    frame = Frame((0.0, 1.0), (0.0, 1.0), height=210)
    straight = (
        f'<line x1="{frame.px(0):.1f}" y1="{frame.py(0):.1f}" x2="{frame.px(1):.1f}" y2="{frame.py(1):.1f}" '
        'stroke="var(--soft)" stroke-dasharray="4 3"/>'
    )
    dots = "".join(
        f'<line x1="{frame.px(one["predicted"]):.1f}" x2="{frame.px(one["predicted"]):.1f}" y1="{frame.py(one["low"]):.1f}" '
        f'y2="{frame.py(one["high"]):.1f}" stroke="var(--own)" stroke-width="2"/>'
        f'<circle cx="{frame.px(one["predicted"]):.1f}" cy="{frame.py(one["observed"]):.1f}" r="4" fill="var(--own)">'
        f"<title>{one['n']:,} examples</title></circle>"
        for one in bins
    )
    return svg(frame, label, grid(frame, percent=(True, True)) + straight + dots)


def scatter(true: Sequence[float], said: Sequence[float], label: str) -> str:
    """Predicted against true numbers, beside the line on which both agree."""
    low, high = min(*true, *said), max(*true, *said)
    room = 0.04 * (high - low) or 1.0
    span = (low - room, high + room)
    frame = Frame(span, span, height=300, left=56)
    straight = (
        f'<line x1="{frame.px(low):.1f}" y1="{frame.py(low):.1f}" x2="{frame.px(high):.1f}" y2="{frame.py(high):.1f}" '
        'stroke="var(--soft)" stroke-dasharray="4 3"/>'
    )
    dots = "".join(
        f'<circle cx="{frame.px(x):.1f}" cy="{frame.py(y):.1f}" r="2.6" fill="var(--own)" fill-opacity=".55"/>'
        for x, y in zip(true, said, strict=True)
    )
    names = (
        f'<text class="tick" x="{frame.width - frame.right}" y="{frame.height - frame.bottom - 6}" '
        'text-anchor="end">true</text>'
        f'<text class="tick" x="{frame.left + 6}" y="{frame.top + 4}">predicted</text>'
    )
    return svg(frame, label, grid(frame) + straight + dots + names)


def _step(places: Sequence[float]) -> float:
    return places[1] - places[0] if len(places) > 1 else 1.0
