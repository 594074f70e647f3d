"""Series as small curves, a line for each of the first channels."""

from typing import Any

import numpy as np

from thalweg.core.registry import view
from thalweg.report._view import View
from thalweg.report.markup import text

POINTS, CHANNELS = 120, 3
WIDTH, HEIGHT = 128, 72
DASHES = ("", "5 3", "1.5 2.5")


@view("series")
class SeriesView(View):
    """Values over time, (T,) or (T, C), as a picture."""

    tile = True
    alone = True
    modality = "time-series"

    def keep(self, value: Any) -> list[list[float]]:
        values = np.nan_to_num(np.asarray(value, dtype=np.float64))
        channels = values.reshape(len(values), -1).T[:CHANNELS]
        chosen = np.unique(np.linspace(0, channels.shape[1] - 1, min(POINTS, channels.shape[1])).astype(int))
        return [[float(f"{one:.4g}") for one in channel[chosen]] for channel in channels]

    def show(self, kept: Any, *, named: str = "") -> str:
        low, high = min(map(min, kept)), max(map(max, kept))
        lines = "".join(_line(channel, low, (high - low) or 1.0, dash) for channel, dash in zip(kept, DASHES, strict=False))
        label = text(named or "series")
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{lines}</svg>'

    @staticmethod
    def example() -> np.ndarray:
        return np.sin(np.linspace(0, 6, 50))


def _line(channel: list[float], low: float, span: float, dash: str) -> str:
    step = WIDTH / max(len(channel) - 1, 1)
    points = " ".join(f"{i * step:.1f},{HEIGHT - 4 - (one - low) / span * (HEIGHT - 8):.1f}" for i, one in enumerate(channel))
    return f'<polyline points="{points}" fill="none" stroke="var(--own)" stroke-width="1.6" stroke-dasharray="{dash}"/>'
