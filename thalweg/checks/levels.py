"""Hashes of plain cells: equal where they are written the same, but for case, blanks and the way a number is written."""

import numpy as np

from thalweg.checks.hashing import hash_of_bytes, hash_of_numbers
from thalweg.checks.seen import Seen


def hash_of_levels(seen: Seen) -> np.ndarray:
    """(N,) uint64; all spellings of missing are one value."""
    if seen.array is not None:
        return hash_of_numbers(seen.numbers)
    return hash_of_bytes(level.encode(errors="surrogatepass") for level in [*seen.levels, ""])[seen.codes]
