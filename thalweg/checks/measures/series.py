"""Measures of series: level, spread, and how rough they are."""

import numpy as np

from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import measures


@measures("series")
def series(subject: Subject, seen: Seen, rows: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The rows, and (n,) of each measure by name; all channels together."""
    values = [np.asarray(seen.column[row], dtype=np.float64) for row in rows.tolist()]
    return rows, {
        "level": np.asarray([_mean(one) for one in values]),
        "spread": np.asarray([_mean((one - _mean(one)) ** 2) ** 0.5 for one in values]),
        "roughness": np.asarray([_mean(np.diff(one, axis=0) ** 2) ** 0.5 for one in values]),
    }


def _mean(values: np.ndarray) -> float:
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else np.nan
