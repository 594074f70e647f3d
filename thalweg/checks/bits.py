"""How much it says that two cells agree: in bits, the rarer the more."""

from dataclasses import dataclass
from functools import cached_property

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

    @cached_property
    def whole(self) -> np.ndarray:
        """(N,) uint64: equal for rows that are equal in all cells."""
        total: np.ndarray = self.hashes.sum(axis=0, dtype=np.uint64)
        return total

    @staticmethod
    def of(subject: Subject) -> "Cells | None":
        """Those of a subject; None where rows have inputs that are no plain values, or fewer than two."""
        found: Cells | None = subject.once("cells", lambda: Cells._of(subject))
        return found

    @staticmethod
    def _of(subject: Subject) -> "Cells | None":
        seen = [*compared(subject), *([subject.target] if subject.target is not None else [])]
        if len(seen) < 2 or not all(one.plain for one in seen):
            return None
        hashes = np.stack([hashes_of(one) for one in seen])
        return Cells(seen, hashes, np.asarray([collision_bits(one.occurrences) for one in seen]))


def collision_bits(counts: np.ndarray) -> float:
    """Minus the binary logarithm of the chance that two rows have the same value.

    Args:
        counts: (V,) how many rows have each.
    """
    share = counts / max(counts.sum(), 1)
    return float(-np.log2((share**2).sum()))
