"""Categories are the same but for case and blanks around them."""

import numpy as np

from thalweg.checks.levels import hash_of_levels
from thalweg.checks.seen import Seen
from thalweg.core.registry import sameness


@sameness("category", short=True)
def category(seen: Seen) -> np.ndarray:
    """(N,) uint64; all spellings of missing are one value."""
    return hash_of_levels(seen)
