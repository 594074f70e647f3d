"""What quick models read of series: their values, their steps, and the strength of each frequency."""

from typing import Any

import numpy as np

from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import clues


@clues("series", judges=("logistic-of-axes", "neighbours"))
def series(subject: Subject, seen: Seen, rows: np.ndarray) -> tuple[np.ndarray, Any]:
    """The rows of the commonest length, and (n, d) float64."""
    values = [np.nan_to_num(np.asarray(seen.column[row], dtype=np.float64)) for row in rows.tolist()]
    shapes = [value.shape for value in values]
    usual = max(set(shapes), key=shapes.count)
    kept = [i for i, shape in enumerate(shapes) if shape == usual]
    table = np.stack([values[i] for i in kept]).reshape(len(kept), usual[0], -1)
    pieces = [table, np.diff(table, axis=1), np.abs(np.fft.rfft(table, axis=1))]
    return rows[kept], np.concatenate([_scaled(piece) for piece in pieces], axis=1)


def _scaled(piece: np.ndarray) -> np.ndarray:
    return (piece / max(float(piece.std()), 1e-12)).reshape(len(piece), -1)
