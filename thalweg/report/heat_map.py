"""What is taken for what among many classes, as a picture: a row for each true class, darker the larger its share."""

import math
from collections.abc import Sequence

from thalweg.report.charts import Frame, svg, width_of
from thalweg.report.markup import text

SIDE, FOOT, HEAD = 440, 6, 22
"""Pixels of the picture's width, and of the room below and above its cells."""
READABLE, LONGEST = 10, 16
"""Pixels that a row must have for its name, and signs of a name that are shown."""
SHADES = 8


def heat_map(classes: Sequence[str], counts: Sequence[Sequence[int]], label: str, *, said: str) -> str:
    """Counts by true class (down) and said class (across), both in the same order.

    Args:
        said: what it shows, in words.
    """
    n = len(classes)
    shown = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in classes]
    room = math.ceil(max(width_of(name, size=11.5) for name in shown)) + 8
    named = (SIDE - room - 2) / n >= READABLE
    left = room if named else 2
    cell = (SIDE - left - 2) / n
    frame = Frame((0, n), (n, 0), width=SIDE, height=math.ceil(HEAD + n * cell + FOOT), left=left)
    ground = f'<rect x="{left}" y="{HEAD}" width="{n * cell:.1f}" height="{n * cell:.1f}" fill="var(--panel)"/>'
    words = f'<text class="tick" x="{left}" y="13">true ↓ said →, both in the same order</text>'
    names = _names(shown, left, cell) if named else ""
    return svg(frame, label, ground + _cells(counts, left, cell) + names + words, said=said)


def _names(shown: Sequence[str], left: float, cell: float) -> str:
    size = min(11.5, cell)
    return "".join(
        f'<text class="tick" style="font-size:{size:.1f}px" x="{left - 5}" y="{HEAD + (i + 0.5) * cell + size * 0.35:.1f}" '
        f'text-anchor="end">{text(name)}</text>'
        for i, name in enumerate(shown)
    )


def _cells(counts: Sequence[Sequence[int]], left: float, cell: float) -> str:
    """A path for each shade: the diagonal in the accent, what is off it in grey, where few are seen as well as many."""
    paths: dict[tuple[str, int], str] = {}
    size = max(cell - (1 if cell > 6 else 0), 1)
    for i, row in enumerate(counts):
        whole = sum(row) or 1
        for j, count in enumerate(row):
            if not count:
                continue
            share = count / whole
            shade = round(SHADES * (share if i == j else 0.25 + 0.75 * math.sqrt(share)))
            key = ("own" if i == j else "ink", max(shade, 1))
            place = f"M{left + j * cell:.1f} {HEAD + i * cell:.1f}h{size:.1f}v{size:.1f}h-{size:.1f}z"
            paths[key] = paths.get(key, "") + place
    return "".join(
        f'<path d="{path}" fill="var(--{colour})" fill-opacity="{shade / SHADES:.2f}"/>'
        for (colour, shade), path in paths.items()
    )
