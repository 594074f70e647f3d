"""What quick models read of vectors: their values."""

from typing import Any

import numpy as np

from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import clues


@clues("vector", judges=("logistic-of-axes", "neighbours"))
def vector(subject: Subject, seen: Seen, rows: np.ndarray) -> tuple[np.ndarray, Any]:
    """The rows, and (n, d) float64, each column of deviation 1."""
    table = np.stack([np.asarray(seen.column[row], dtype=np.float64).ravel() for row in rows.tolist()])
    return rows, np.nan_to_num(table / np.maximum(table.std(axis=0), 1e-12))
