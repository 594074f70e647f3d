"""ROC and precision-recall drawn: ours in the accent, chance dashed, the point where the model decides on its intervals."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.report.charts import Frame, grid, svg
from thalweg.report.markup import text

Point = Sequence[float]
SQUARE = Frame((0.0, 1.0), (0.0, 1.0), height=264, bottom=38, left=52, top=24)


def roc_chart(classes: Sequence[Mapping[str, Any]], hardest: Mapping[str, Any], *, label: str, said: str) -> str:
    """Shares found over shares called wrongly.

    Args:
        classes: as `ranking_curves` gives them; one where there are two classes.
        hardest: the class among them whose curve is drawn in the accent.
    """
    decides = hardest["decides"]
    beside = [(x, x + step) for x in (0.62, 0.3, 0.75) for step in (-0.07, 0.03)]
    chance = _dashed((0.0, 0.0), (1.0, 1.0)) + _chance(
        beside, hardest["roc"]["points"], _words_of(decides["called_wrongly"], decides["found"])
    )
    lines = _lines(classes, hardest, "roc", stepped=False)
    point = _decision(decides["called_wrongly"], decides["found"]) if len(classes) == 1 else _named(hardest, "roc")
    others = "others called so" if len(classes) == 1 else "others called it"
    return _square(label, said, chance + lines + point, across=others, up="found")


def precision_chart(classes: Sequence[Mapping[str, Any]], hardest: Mapping[str, Any], *, label: str, said: str) -> str:
    """How many of those called are right, over shares found."""
    decides, share = hardest["decides"], hardest["n"] / hardest["of"]
    beside = [(x, share + step) for x in (0.02, 0.3, 0.55, 0.75) for step in (0.025, -0.085)]
    chance = _dashed((0.0, share), (1.0, share)) + _chance(
        beside, hardest["precision_recall"]["points"], _words_of(decides["found"], decides["precision"])
    )
    lines = _lines(classes, hardest, "precision_recall", stepped=True)
    point = _decision(decides["found"], decides["precision"]) if len(classes) == 1 else _named(hardest, "precision_recall")
    return _square(label, said, chance + lines + point, across="found", up="right of those called")


def _square(label: str, said: str, content: str, *, across: str, up: str) -> str:
    name = f'<text class="tick" x="{SQUARE.left}" y="11">{text(up)}</text>'
    frame = SQUARE
    return svg(frame, label, grid(frame, percent=(True, True), name=across) + content + name, said=said)


def _lines(classes: Sequence[Mapping[str, Any]], hardest: Mapping[str, Any], curve: str, *, stepped: bool) -> str:
    """All curves, the hardest class's above the others."""
    others = "".join(
        _line(one[curve]["points"], colour="var(--other)", width=1.2, stepped=stepped) for one in classes if one is not hardest
    )
    return others + _line(hardest[curve]["points"], colour="var(--own)", width=2.5, stepped=stepped)


def _line(points: Sequence[Point], *, colour: str, width: float, stepped: bool) -> str:
    """A curve; where stepped, each value holds from the point before on."""
    drawn = [(points[0][0], points[0][1])]
    drawn = [(0.0, points[0][1]), *drawn] if stepped else drawn
    for before, (x, y) in itertools.pairwise(points):
        drawn += [(before[0], y)] if stepped else []
        drawn.append((x, y))
    path = " ".join(f"{SQUARE.px(x):.1f},{SQUARE.py(y):.1f}" for x, y in drawn)
    opacity = ' stroke-opacity=".7"' if width < 2 else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{opacity} stroke-linejoin="round"/>'


def _dashed(start: Point, end: Point) -> str:
    return (
        f'<line x1="{SQUARE.px(start[0]):.1f}" y1="{SQUARE.py(start[1]):.1f}" x2="{SQUARE.px(end[0]):.1f}" '
        f'y2="{SQUARE.py(end[1]):.1f}" stroke="var(--soft)" stroke-dasharray="4 3"/>'
    )


def _chance(places: Sequence[tuple[float, float]], curve: Sequence[Point], words: Sequence[Point]) -> str:
    """The words of the dashed line, at the first place that lies far from the curve and from other words, or the best."""
    inside = [place for place in places if 0.02 <= place[1] <= 0.95]
    far = [min((_apart(place, one) for one in [*_along(curve), *_along(words)]), default=0.0) for place in inside]
    x, y = inside[next((i for i, gap in enumerate(far) if gap > 0.1), far.index(max(far)))]
    return f'<text class="tick" x="{SQUARE.px(x):.1f}" y="{SQUARE.py(y):.1f}">by chance</text>'


def _words_of(across: Mapping[str, float] | None, up: Mapping[str, float] | None) -> list[Point]:
    """Where the words lie that `_decision` sets beside its point."""
    if across is None or up is None:
        return []
    x, y = across["value"], up["value"] - 0.07
    return [(x, y), (x + 0.42 if x < 0.5 else x - 0.42, y)]


def _apart(place: tuple[float, float], one: Point) -> float:
    """How far a point of a curve lies from the words that begin at a place."""
    across = max(place[0] - one[0], 0.0, one[0] - place[0] - 0.2)
    return max(across, abs(one[1] - place[1] - 0.015))


def _along(curve: Sequence[Point]) -> list[Point]:
    """Points of a curve, close together where it is straight."""
    return [
        (a[0] + (b[0] - a[0]) * i / 20, a[1] + (b[1] - a[1]) * i / 20) for a, b in itertools.pairwise(curve) for i in range(21)
    ]


def _decision(across: Mapping[str, float] | None, up: Mapping[str, float] | None) -> str:
    """The point where the model decides, on the intervals of both shares."""
    if across is None or up is None:
        return ""
    x, y = SQUARE.px(across["value"]), SQUARE.py(up["value"])
    ends = (
        f'<line x1="{SQUARE.px(across["low"]):.1f}" x2="{SQUARE.px(across["high"]):.1f}" y1="{y:.1f}" y2="{y:.1f}" '
        f'stroke="var(--own)" stroke-width="1.5"/><line x1="{x:.1f}" x2="{x:.1f}" y1="{SQUARE.py(up["low"]):.1f}" '
        f'y2="{SQUARE.py(up["high"]):.1f}" stroke="var(--own)" stroke-width="1.5"/>'
    )
    left = across["value"] < 0.5
    words = (
        f'<text x="{x + (10 if left else -10):.1f}" y="{y + 17:.1f}" text-anchor="{"start" if left else "end"}">'
        "where it decides</text>"
    )
    return f'{ends}<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="var(--own)"/>{words}'


def _named(one: Mapping[str, Any], curve: str) -> str:
    """The name of a class beside the bend of its curve."""
    inner = 1 if curve == "roc" else -1
    x, y = max(one[curve]["points"], key=lambda point: point[1] - inner * point[0])
    name = str(one["class"])
    shown = name if len(name) <= 20 else f"{name[:19]}…"
    near = SQUARE.px(x) + 10 * inner
    anchor = "start" if inner > 0 else "end"
    low = min(SQUARE.py(y) + 18, SQUARE.height - SQUARE.bottom - 22)
    return f'<text class="own bold" x="{near:.1f}" y="{low:.1f}" text-anchor="{anchor}">“{text(shown)}”</text>'
