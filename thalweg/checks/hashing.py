"""64-bit hashes of cells: equal values have equal hashes, and rows are told apart by the sum of their cells' hashes."""

import hashlib
from collections.abc import Iterable

import numpy as np

FIRST, SECOND, STEP = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0x9E3779B97F4A7C15)


def mixed(values: np.ndarray) -> np.ndarray:
    """Well-mixed 64-bit numbers of 64-bit numbers.

    Reference: Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195 (the finaliser of SplitMix64).
    """
    z = values.astype(np.uint64) + STEP
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return z ^ (z >> np.uint64(31))


def hash_of_numbers(values: np.ndarray) -> np.ndarray:
    """(N,) uint64 of float64 (N,); minus zero is zero, and all NaN are one value."""
    clean = np.where(np.isnan(values), np.nan, values + 0.0)
    return mixed(np.ascontiguousarray(clean).view(np.uint64))


def hash_of_bytes(rows: Iterable[bytes]) -> np.ndarray:
    """(N,) uint64 of pieces of bytes."""
    found = [int.from_bytes(hashlib.blake2b(row, digest_size=8).digest(), "little") for row in rows]
    return np.asarray(found, dtype=np.uint64)


def salted(hashes: np.ndarray, name: str) -> np.ndarray:
    """The hashes of a column's cells, other than those of the same values in another column."""
    return mixed(hashes ^ hash_of_bytes([name.encode()])[0])


def groups_of(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the first row with the same hash as each row, and (N,) how many rows have it."""
    ordered = np.sort(hashes)
    if (ordered[1:] != ordered[:-1]).all():  # which takes a tenth of the time to see
        return np.arange(len(hashes)), np.ones(len(hashes), dtype=np.int64)
    _, first, index, counts = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    return first[index.reshape(-1)], counts[index.reshape(-1)]
