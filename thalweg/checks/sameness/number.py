"""Numbers are the same by value, however they are written."""

import numpy as np

from thalweg.checks.levels import hash_of_levels
from thalweg.checks.seen import Seen
from thalweg.core.registry import sameness


@sameness("number", short=True)
def number(seen: Seen) -> np.ndarray:
    """(N,) uint64; what does not read as a number counts as a word."""
    return hash_of_levels(seen)
