"""Series are the same value by value."""

from collections.abc import Iterator

import numpy as np

from thalweg.checks.hashing import hash_of_bytes
from thalweg.checks.seen import Seen
from thalweg.core.registry import sameness


@sameness("series")
def series(seen: Seen) -> np.ndarray:
    """(N,) uint64."""
    return hash_of_bytes(_contents(seen))


def _contents(seen: Seen) -> Iterator[bytes]:
    for value in seen.column:
        array = np.asarray(value)
        plain = array.astype(np.float64) + 0.0 if array.dtype.kind in "biuf" else array
        yield f"{array.shape}".encode() + np.ascontiguousarray(plain).tobytes()
