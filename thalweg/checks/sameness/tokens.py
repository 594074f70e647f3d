"""Sequences of symbols are the same symbol by symbol."""

import numpy as np

from thalweg.checks.hashing import hash_of_bytes
from thalweg.checks.seen import Seen
from thalweg.core.registry import sameness


@sameness("tokens")
def tokens(seen: Seen) -> np.ndarray:
    """(N,) uint64."""
    return hash_of_bytes(repr(list(value)).encode(errors="surrogatepass") for value in seen.column)
