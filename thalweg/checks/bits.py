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
    """The plain cells of all rows as hashes: inputs, the target, and columns that were left out but name no rows.

    Attributes:
        hashes: (C, N) uint64.
        bits: (C,) how much agreement in a column says: minus the logarithm of the chance that two rows agree there.
    """

    seen: list[Seen]
    hashes: np.ndarray
    bits: np.ndarray

    @property
    def inputs(self) -> list[int]:
        """The places of all but the target."""
        return [i for i, one in enumerate(self.seen) if one.role != "target"]

    @staticmethod
    def of(subject: Subject) -> "Cells | None":
        """None where rows have inputs that are no plain values, or fewer than two."""
        seen = [*compared(subject), *([subject.target] if subject.target is not None else [])]
        if len(seen) < 2 or not all(one.plain for one in seen):
            return None
        hashes = np.stack([hashes_of(one) for one in seen])
        return Cells(seen, hashes, np.asarray([collision_bits(one.index) for one in seen]))


def collision_bits(codes: np.ndarray) -> float:
    """Minus the binary logarithm of the chance that two rows have the same value."""
    share = np.bincount(codes + 1) / max(len(codes), 1)
    return float(-np.log2((share**2).sum()))
