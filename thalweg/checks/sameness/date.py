"""Dates are the same as they are written, or by their time where they are read already."""

import numpy as np

from thalweg.checks.hashing import hash_of_bytes
from thalweg.checks.seen import Seen
from thalweg.core.registry import sameness


@sameness("date", short=True)
def date(seen: Seen) -> np.ndarray:
    """(N,) uint64."""
    return hash_of_bytes(level.encode() for level in [*seen.levels, ""])[seen.codes]
