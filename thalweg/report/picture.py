"""A chart of the report as a file of its own, in its colours, light and dark; and pictures of what models see and say."""

from collections.abc import Callable, Sequence
from pathlib import Path

from thalweg.report.charts import Frame, dots, grid, square, svg
from thalweg.report.markup import text
from thalweg.report.page import STYLE

CELLS, SHADES = 40, 8
"""Cells of a map along each side, and how many shades they can have."""


def save_picture(chart: str, path: str | Path) -> None:
    """A chart as an SVG file that shows alone; its words stay words."""
    colours = STYLE[: STYLE.index("*{")].strip()
    rules = "\n".join(line for line in STYLE.splitlines() if line.startswith("svg"))
    head, tail = chart.split(">", 1)
    size = "" if " width=" in head else ' width="440"'
    named = head.replace("<svg", f'<svg xmlns="http://www.w3.org/2000/svg"{size}', 1)
    Path(path).write_text(
        f"{named}><style>{colours}\nsvg{{background:var(--paper)}}\n{rules}</style>{tail}\n", encoding="utf-8"
    )


def plane(
    says: Callable[[list[float], list[float]], Sequence[float]],
    x: tuple[float, float],
    y: tuple[float, float],
    *,
    groups: Sequence[Sequence[tuple[float, float]]],
    label: str,
) -> str:
    """What a model says of each point of a plane, from 0 (light) to 1 (dark), with up to two groups of points upon it.

    Args:
        says: coordinates (n,) and (n,) to numbers (n,).
        groups: those that should get 0, and those that should get 1.
    """
    frame = Frame(x, y, height=360)
    across = [x[0] + (i + 0.5) * (x[1] - x[0]) / CELLS for i in range(CELLS)]
    up = [y[0] + (i + 0.5) * (y[1] - y[0]) / CELLS for i in range(CELLS)]
    found = list(says(across * CELLS, [value for value in up for _ in across]))
    shades: dict[int, str] = {}
    for i, value in enumerate(up):
        _add_row(shades, frame, value, found[i * CELLS : (i + 1) * CELLS])
    cells = "".join(
        f'<path d="{path}" fill="var(--own)" fill-opacity="{shade * 0.075:.2f}"/>' for shade, path in shades.items()
    )
    colours = ("var(--other)", "var(--care)")
    points = [_ringed(frame, group, colour) for group, colour in zip(groups, colours, strict=False)]
    return svg(frame, label, cells + grid(frame) + "".join(points))


def _add_row(shades: dict[int, str], frame: Frame, y: float, found: Sequence[float]) -> None:
    """One line of cells to the path of each shade; neighbours of one shade are one rectangle."""
    height = (frame.py(frame.y[0]) - frame.py(frame.y[1])) / CELLS
    width = (frame.px(frame.x[1]) - frame.px(frame.x[0])) / CELLS
    row = [round(SHADES * min(1.0, max(0.0, float(one)))) for one in found]
    begun = 0
    for place in range(1, CELLS + 1):
        if place < CELLS and row[place] == row[begun]:
            continue
        left, top, wide = frame.px(frame.x[0]) + begun * width, frame.py(y) - height / 2, (place - begun) * width
        if row[begun]:
            shades[row[begun]] = shades.get(row[begun], "") + f"M{left:.1f} {top:.1f}h{wide:.1f}v{height:.1f}h-{wide:.1f}z"
        begun = place


def _ringed(frame: Frame, points: Sequence[tuple[float, float]], colour: str) -> str:
    large = len(points) < 20
    if not large:
        return dots(frame, points, colour=colour)
    return "".join(
        f'<circle cx="{frame.px(x):.1f}" cy="{frame.py(y):.1f}" r="8" fill="{colour}" stroke="var(--paper)" stroke-width="2"/>'
        for x, y in points
    )


def tiles(pictures: Sequence[Sequence[Sequence[float]]], label: str, *, columns: int = 8, names: Sequence[str] = ()) -> str:
    """Small grids of numbers beside each other, each from its least (light) to its greatest (dark)."""
    side, gap, words = 48, 12, 16 if names else 0
    rows = -(-len(pictures) // columns)
    frame = Frame((0, 1), (0, 1), width=columns * (side + gap) + gap, height=rows * (side + gap + words) + gap)
    made = ""
    for place, picture in enumerate(pictures):
        left, top = gap + place % columns * (side + gap), gap + place // columns * (side + gap + words)
        made += _tile(picture, left, top, side)
        if names:
            middle = f'x="{left + side / 2}" y="{top + side + 14}" text-anchor="middle"'
            made += f'<text class="tick" {middle}>{text(names[place])}</text>'
    return svg(frame, label, made)


def _tile(picture: Sequence[Sequence[float]], left: float, top: float, side: float) -> str:
    flat = [value for row in picture for value in row]
    low, width = min(flat), (max(flat) - min(flat)) or 1.0
    cell = side / len(picture[0])
    made = f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="var(--panel)"/>'
    shades: dict[int, str] = {}
    for i, row in enumerate(picture):
        for j, value in enumerate(row):
            shade = round(SHADES * (value - low) / width)
            place = f"M{left + j * cell:.5g} {top + i * cell:.5g}h{cell:.4g}v{cell:.4g}h-{cell:.4g}z"
            shades[shade] = shades.get(shade, "") + place
    return made + "".join(
        f'<path d="{path}" fill="var(--own)" fill-opacity="{shade / SHADES:.2f}"/>' for shade, path in shades.items() if shade
    )


def lines(series: Sequence[Sequence[float]], label: str, *, names: Sequence[str]) -> str:
    """Some series above each other, each with its name, all to one scale."""
    low, high = min(min(one) for one in series), max(max(one) for one in series)
    room, longest = 80, max(len(one) for one in series)
    frame = Frame((0, longest - 1), (low, high), width=440, height=room * len(series), left=90, right=10)
    made = ""
    for place, (one, name) in enumerate(zip(series, names, strict=True)):
        base = room * (place + 1) - 12
        points = " ".join(
            f"{frame.px(i):.1f},{base - (value - low) / ((high - low) or 1) * (room - 20):.1f}" for i, value in enumerate(one)
        )
        made += f'<polyline points="{points}" fill="none" stroke="var(--own)" stroke-width="1.5"/>'
        made += f'<text x="80" y="{base - room / 2 + 14}" text-anchor="end">{text(name)}</text>'
    return svg(frame, label, made)


def named_points(points: Sequence[tuple[float, float]], names: Sequence[str], label: str) -> str:
    """Points of a plane, each with its name at its right; both axes to the same scale."""
    frame = square(points, 360)
    marks = "".join(
        f'<circle cx="{frame.px(x):.1f}" cy="{frame.py(y):.1f}" r="4" fill="var(--own)"/>'
        f'<text x="{frame.px(x) + 8:.1f}" y="{frame.py(y) + 4:.1f}">{text(name)}</text>'
        for (x, y), name in zip(points, names, strict=True)
    )
    return svg(frame, label, grid(frame) + marks)


def mesh(rows: Sequence[tuple[float, float]], codes: Sequence[Sequence[tuple[float, float]]], label: str) -> str:
    """A grid of codes laid over grey rows: each code a dot, neighbours on the grid joined by lines.

    Args:
        codes: the place in the plane of each code, by row and column of the grid.
    """
    frame = square([*rows, *(code for line in codes for code in line)], 360)
    strings = [*codes, *zip(*codes, strict=True)]
    paths = (" ".join(f"{frame.px(x):.1f},{frame.py(y):.1f}" for x, y in one) for one in strings)
    joined = "".join(f'<polyline points="{path}" fill="none" stroke="var(--own)"/>' for path in paths)
    knots = "".join(
        f'<circle cx="{frame.px(x):.1f}" cy="{frame.py(y):.1f}" r="3" fill="var(--own)"/>' for line in codes for x, y in line
    )
    return svg(frame, label, grid(frame) + dots(frame, rows, colour="var(--other)", size=1.8) + joined + knots)
