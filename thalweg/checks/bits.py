"""How much it says that two cells agree: in bits, the rarer the more."""

from dataclasses import dataclass

import numpy as np

from thalweg.checks.copies import compared, hashes_of
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject

ENOUGH = 10.0
"""Bits by which the next row must be farther away."""


@dataclass(frozen=True)
class Cells:
    """The plain inputs of all rows as hashes.

    Attributes:
        hashes: (C, N) uint64.
        bits: (C,) how much agreement in a column says: minus the logarithm of the chance that two rows agree there.
    """

    seen: list[Seen]
    hashes: np.ndarray
    bits: np.ndarray

    @staticmethod
    def of(subject: Subject) -> "Cells | None":
        """None where rows have inputs that are no plain values, or fewer than two."""
        seen = compared(subject)
        if len(seen) < 2 or not all(one.plain for one in seen):
            return None
        hashes = np.stack([hashes_of(one) for one in seen])
        return Cells(seen, hashes, np.asarray([collision_bits(one.index) for one in seen]))


def collision_bits(codes: np.ndarray) -> float:
    """Minus the binary logarithm of the chance that two rows have the same value."""
    share = np.bincount(codes + 1) / max(len(codes), 1)
    return float(-np.log2((share**2).sum()))
