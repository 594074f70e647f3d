"""Loss in training and on validation rows in one picture, each line named where it ends."""

from collections.abc import Sequence

from thalweg.report.charts import Frame, grid, left_of, mark_at, svg

Points = Sequence[tuple[float, float]]
WORD, LATE = 60, 150
"""Pixels that the word at the end of a line takes; a point nearer to the right end than that is named with its line."""


def both_losses(trained: Points, held: Points, *, label: str, axis: str, marked: int | None, mark: str, said: str) -> str:
    """Training dashed and grey, validation in the accent, one of its points marked.

    Args:
        axis: what is counted across (epoch, step).
        said: what it shows, in words.
    """
    values = [y for _, y in (*trained, *held)]
    room = 0.16 * (max(values) - min(values)) or max(abs(max(values)) * 0.05, 1e-3)
    span = (min(values) - room, max(values) + room)
    frame = Frame((held[0][0], held[-1][0]), span, left=left_of(span), height=212, bottom=38)
    lines = _line(frame, trained, 'stroke="var(--soft)" stroke-width="2" stroke-dasharray="4 3"')
    lines += _line(frame, held, 'stroke="var(--own)" stroke-width="2.5"')
    late = marked is not None and frame.px(held[marked][0]) > frame.width - LATE
    words = f"validation, {mark}" if late else mark
    ground = grid(frame, name=axis, whole=True)
    return svg(
        frame,
        label,
        ground + lines + _ends(frame, trained, held, named=not late) + mark_at(frame, [held, trained], marked, words),
        said=said,
    )


def _line(frame: Frame, points: Points, style: str) -> str:
    path = " ".join(f"{frame.px(x):.1f},{frame.py(y):.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" {style} stroke-linejoin="round"/>'


def _ends(frame: Frame, trained: Points, held: Points, *, named: bool) -> str:
    """The names of both lines, the upper one's above it and the lower one's below.

    Args:
        named: validation too; else the words at its marked point name it.
    """
    end = frame.width - frame.right
    above = frame.py(trained[-1][1]) < frame.py(held[-1][1])
    places = [_beside(frame, trained, end, above=above), _beside(frame, held, end, above=not above)]
    validation = f'<text class="own" x="{end}" y="{places[1]:.1f}" text-anchor="end">validation</text>' if named else ""
    return f'<text class="soft" x="{end}" y="{places[0]:.1f}" text-anchor="end">training</text>{validation}'


def _beside(frame: Frame, points: Points, end: float, *, above: bool) -> float:
    """The base line of words at the end of a line that the line does not run through."""
    pixels = [(frame.px(x), frame.py(y)) for x, y in points]
    (before, left), (last, right) = pixels[-2:] if len(pixels) > 1 else (pixels[-1], pixels[-1])
    there = [y for x, y in pixels if x >= end - WORD]
    if last - before > WORD:  # the line enters the words' place within its last piece
        there.append(right + (left - right) * WORD / (last - before))
    return min(there) - 7 if above else max(there) + 16
