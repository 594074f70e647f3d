"""Values that stand in rows of one class alone: exact in one direction, however little the column's other values tell."""

import math
from typing import NamedTuple

import numpy as np

from thalweg.checks.against_target import AgainstTarget
from thalweg.checks.detectors.target_in_disguise import RIGHT
from thalweg.checks.seen import Seen

LEAST_ROWS, OF_CLASS = 20, 0.15
"""Rows that have the value, at least, and the least share of its class that they are."""
CHANCE = 1e-3
"""By which so many rows of one class would share a value, all values of the column taken together."""


class OneWay(NamedTuple):
    """A value, or all but the commonest one, that stands beside one class alone.

    Attributes:
        says: `is "X"`, `is not "0"`.
        code: the class, as the target's codes number it.
        rows: (m,) places of the rows that have it, among those that were looked at.
    """

    says: str
    code: int
    rows: np.ndarray


def one_way(one: Seen, against: AgainstTarget) -> OneWay | None:
    """The value of a column with the most rows, of those that one class has alone; None where no value is so."""
    levels, codes = one.codes[against.rows] + 1, against.target.codes[against.rows]  # level 0: missing
    counts = np.zeros((one.distinct + 1, int(codes.max()) + 1), dtype=np.int64)  # (L, K)
    np.add.at(counts, (levels, codes), 1)
    commonest = int(counts.sum(1).argmax())
    sides = np.concatenate([counts, counts.sum(0, keepdims=True) - counts[commonest]])  # the last: all but the commonest
    rows, right = sides.sum(1), sides.max(1)
    whole = counts.sum(0)
    chance = math.log(CHANCE / len(sides)) >= rows * np.log(whole[sides.argmax(1)] / len(codes))
    found = np.flatnonzero(
        chance & (rows >= LEAST_ROWS) & (right >= RIGHT * rows) & (right >= OF_CLASS * whole[sides.argmax(1)])
    )
    if not len(found):
        return None
    place = int(found[rows[found].argmax()])
    other = place == len(counts)
    level = commonest if other else place
    words = f'"{one.said(level - 1)}"' if level else "missing"
    inside = (levels != level) if other else (levels == level)
    return OneWay(f"is {'not ' if other else ''}{words}", int(sides[place].argmax()), np.flatnonzero(inside))
