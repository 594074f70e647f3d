"""Charts as SVG written by hand: few lines, colours from the page, words at the ends of lines."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from thalweg.evaluation.figures import Unit, written
from thalweg.report.markup import text

SIGN, GAP = 6.6, 14
"""Pixels that a sign of a tick's words takes, and that lie between two of them."""
NARROW, BROAD = "ijlrtfI.,:;'|!()[] -", "mwMW@%_"
"""Signs that take about a third of their size, and those that take all of it, in the wide fonts of some systems."""


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


def ticks(low: float, high: float, *, count: int = 4, whole: bool = False) -> list[float]:
    """Round values inside a range, about as many as asked for.

    Args:
        whole: whole numbers only (epochs, steps).
    """
    if not high > low:
        return [low]
    rough = max((high - low) / count, 1.0 if whole else 0.0)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def width_of(words: str, *, size: float = 12.5) -> float:
    """About how many pixels words take, rather more than less.

    Args:
        size: of the font, in pixels.
    """
    signs = (0.42 if one in NARROW else 1.0 if one in BROAD else 0.74 if one.isupper() else 0.65 for one in words)
    return size * sum(signs)


def tick_text(value: float, step: float, *, percent: bool = False) -> str:
    """The words at a tick."""
    scale = 100 if percent else 1
    shown = next((count for count in range(7) if abs(round(step * scale, count) - step * scale) < 1e-9 * scale), 6)
    return written(value * scale, shown) + (" %" if percent else "")


def svg(frame: Frame, label: str, content: str, *, said: str = "") -> str:
    """A picture with a name for those who cannot see it.

    Args:
        said: what it shows, in words.
    """
    told = f"<desc>{text(said)}</desc>" if said else ""
    return (
        f'<svg viewBox="0 0 {frame.width} {frame.height}" role="img" aria-label="{text(label)}">'
        f"<title>{text(label)}</title>{told}{content}</svg>"
    )


def grid(frame: Frame, *, percent: tuple[bool, bool] = (False, False), name: str = "", whole: bool = False) -> str:
    """Ticks below and at the left, with light lines across.

    Args:
        percent: values across, values upwards are shares.
        name: what is counted across.
        whole: it is counted in whole numbers.
    """
    down = _ticks_up(frame.y)
    lines = [
        f'<line class="grid" x1="{frame.left}" x2="{frame.width - frame.right}" y1="{frame.py(y):.1f}" y2="{frame.py(y):.1f}"/>'
        f'<text class="tick" x="{frame.left - 6}" y="{frame.py(y) + 4:.1f}" text-anchor="end">'
        f"{tick_text(y, _step(down), percent=percent[1])}</text>"
        for y in down
    ]
    base = frame.height - (20 if name else 6)
    lines += [
        f'<text class="tick" x="{frame.px(x):.1f}" y="{base}" text-anchor="middle">{words}</text>'
        for x, words in _across(frame, percent=percent[0], whole=whole)
    ]
    middle = (frame.left + frame.width - frame.right) / 2
    named = (
        f'<text class="tick" x="{middle:.1f}" y="{frame.height - 4}" text-anchor="middle">{text(name)}</text>' if name else ""
    )
    return "".join(lines) + named


def _ticks_up(y: tuple[float, float]) -> list[float]:
    """Ticks of the vertical axis, at least two where the range allows it."""
    few = ticks(*y)
    return few if len(few) > 2 else ticks(*y, count=7)


def _across(frame: Frame, *, percent: bool, whole: bool) -> list[tuple[float, str]]:
    """Ticks below, as many as have room beside each other."""
    room = frame.width - frame.left - frame.right
    for count in (5, 4, 3, 2, 1):
        places = ticks(*frame.x, count=count, whole=whole)
        words = [tick_text(x, _step(places), percent=percent) for x in places]
        if sum(SIGN * len(one) + GAP for one in words) <= room:
            break
    return list(zip(places, words, strict=True))


def left_of(y: tuple[float, float], *, percent: bool = False) -> int:
    """The room that the words at the left need."""
    down = _ticks_up(y)
    return math.ceil(SIGN * max(len(tick_text(one, _step(down), percent=percent)) for one in down)) + 10


def curve(
    points: Sequence[tuple[float, float]],
    unit: Unit | None,
    *,
    label: str,
    axis: str,
    marked: int | None = None,
    mark: str = "",
    said: str = "",
) -> str:
    """A line through points, one of them marked.

    Args:
        said: what it shows, in words.
        axis: what is counted across (epoch, step).
    """
    values = [y for _, y in points]
    low, high = min(values), max(values)
    room = 0.16 * (high - low) or max(abs(high) * 0.05, 1e-3)
    span, percent = (low - (room if marked is not None else 0), high + room), bool(unit and unit.percent)
    frame = Frame((points[0][0], points[-1][0]), span, left=left_of(span, percent=percent), height=212, bottom=38)
    path = " ".join(f"{frame.px(x):.1f},{frame.py(y):.1f}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="var(--own)" stroke-width="2.5" stroke-linejoin="round"/>'
    ground = grid(frame, percent=(False, percent), name=axis, whole=True)
    return svg(frame, label, ground + line + mark_at(frame, [points], marked, mark), said=said)


def mark_at(frame: Frame, lines: Sequence[Sequence[tuple[float, float]]], marked: int | None, mark: str) -> str:
    """A dot at a point of the first line, with words where they hide least of any line; nothing where none is marked."""
    if marked is None:
        return ""
    x, y = frame.px(lines[0][marked][0]), frame.py(lines[0][marked][1])
    anchor = "start" if x < 90 else "end" if x > frame.width - 80 else "middle"
    wide = SIGN * len(mark)
    left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
    heights = [one for one in (y - 10, y + 18, y - 24, y + 32) if 10 < one < frame.height - frame.bottom]
    crossed = [sum(_crosses(frame, line, (left, left + wide), one) for line in lines) for one in heights]
    above = heights[crossed.index(min(crossed))] if heights else y - 10
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="var(--own)"/>'
        f'<text x="{x:.1f}" y="{above:.1f}" text-anchor="{anchor}">{text(mark)}</text>'
    )


def _crosses(frame: Frame, line: Sequence[tuple[float, float]], across: tuple[float, float], base: float) -> int:
    """At how many of forty places a line runs through words on a base line."""
    places = [across[0] + (across[1] - across[0]) * i / 40 for i in range(41)]
    pixels = [(frame.px(x), frame.py(y)) for x, y in line]
    return sum(
        base - 12 < a[1] + (b[1] - a[1]) * (place - a[0]) / ((b[0] - a[0]) or 1) < base + 4
        for a, b in pairwise(pixels)
        for place in places
        if a[0] <= place <= b[0]
    )


def calibration(bins: Sequence[Mapping[str, Any]], label: str, *, said: str = "") -> str:
    """Predicted against observed share, with intervals, beside the line on which both agree."""
    frame = Frame((0.0, 1.0), (0.0, 1.0), height=224, bottom=38)
    most = max(one["n"] for one in bins)
    straight = (
        f'<line x1="{frame.px(0):.1f}" y1="{frame.py(0):.1f}" x2="{frame.px(1):.1f}" y2="{frame.py(1):.1f}" '
        'stroke="var(--soft)" stroke-dasharray="4 3"/>'
    )
    points = "".join(_bin(frame, one, one["n"] / most) for one in bins)
    return svg(frame, label, grid(frame, percent=(True, True), name="it says") + straight + points, said=said)


def _bin(frame: Frame, one: Mapping[str, Any], share: float) -> str:
    """A point on its interval; its area grows with the examples that stand behind it."""
    x = f"{frame.px(one['predicted']):.1f}"
    return (
        f'<line x1="{x}" x2="{x}" y1="{frame.py(one["low"]):.1f}" y2="{frame.py(one["high"]):.1f}" '
        'stroke="var(--own)" stroke-width="1.5" stroke-opacity=".55"/>'
        f'<circle cx="{x}" cy="{frame.py(one["observed"]):.1f}" r="{2 + 4 * math.sqrt(share):.1f}" fill="var(--own)">'
        f"<title>{one['n']:,} examples</title></circle>"
    )


def scatter(true: Sequence[float], said: Sequence[float], label: str, *, said_of_it: str = "") -> str:
    """Predicted against true numbers, beside the line on which both agree."""
    low, high = min(*true, *said), max(*true, *said)
    room = 0.04 * (high - low) or 1.0
    span = (low - room, high + room)
    frame = Frame(span, span, height=320, left=left_of(span), bottom=38, top=24)
    straight = (
        f'<line x1="{frame.px(low):.1f}" y1="{frame.py(low):.1f}" x2="{frame.px(high):.1f}" y2="{frame.py(high):.1f}" '
        'stroke="var(--soft)" stroke-dasharray="4 3"/>'
    )
    name = f'<text class="tick" x="{frame.left + 6}" y="11">predicted</text>'
    content = grid(frame, name="true") + straight + dots(frame, list(zip(true, said, strict=True))) + name
    return svg(frame, label, content, said=said_of_it)


def cloud(own: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]], label: str) -> str:
    """Points of ours over grey ones, both axes to the same scale."""
    frame = square([*own, *other], 320)
    shown = dots(frame, other, colour="var(--other)", size=2.2) + dots(frame, own)
    return svg(frame, label, grid(frame) + shown)


def square(points: Sequence[tuple[float, float]], height: int) -> Frame:
    """A frame that holds all points, both axes to the same scale."""
    half = max(max(one[i] for one in points) - min(one[i] for one in points) for i in (0, 1)) * 0.54 or 1.0
    middles = [(max(one[i] for one in points) + min(one[i] for one in points)) / 2 for i in (0, 1)]
    across, up = ((middle - half, middle + half) for middle in middles)
    left = left_of(up)
    return Frame(across, up, width=height - 14 + left, height=height, left=left)


def dots(frame: Frame, points: Sequence[tuple[float, float]], *, colour: str = "var(--own)", size: float = 2.6) -> str:
    """A dot for each point."""
    return "".join(
        f'<circle cx="{frame.px(x):.1f}" cy="{frame.py(y):.1f}" r="{size}" fill="{colour}" fill-opacity=".55"/>'
        for x, y in points
    )


def _step(places: Sequence[float]) -> float:
    return places[1] - places[0] if len(places) > 1 else 1.0
