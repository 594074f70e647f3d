"""Vectors are the same value by value."""

import numpy as np

from thalweg.checks.hashing import hash_of_bytes
from thalweg.checks.seen import Seen
from thalweg.core.registry import sameness


@sameness("vector")
def vector(seen: Seen) -> np.ndarray:
    """(N,) uint64."""
    rows = (np.ascontiguousarray(np.asarray(value, dtype=np.float64) + 0.0) for value in seen.column)
    return hash_of_bytes(repr(row.shape).encode() + row.tobytes() for row in rows)
