"""Rows that are other rows with one cell changed."""

import numpy as np

from thalweg.checks.bits import ENOUGH, Cells
from thalweg.checks.copies import Copy, copy_findings
from thalweg.checks.finding import Finding
from thalweg.checks.hashing import groups_of
from thalweg.checks.looked import Looked
from thalweg.checks.subject import TRAIN, Subject
from thalweg.core.registry import detector

EDITED = Copy("EDITED_ROWS", "a copy with one cell changed", "copies with one cell changed", least=0.005)
NEARER, MOST_TWINS = 0.6, 4
VERIFIED, HURRIED, HURRIED_CELLS = 2000, 300, 300_000_000
"""Candidates that are held against all rows; ahead of a training no more than so many cells are compared."""


@detector("edited-rows", turn=4)
def edited_rows(subject: Subject) -> list[Finding]:
    """Pairs that differ in one cell and to which no other row is nearly as close."""
    cells = Cells.of(subject)
    if cells is None or len(cells.seen) < 3 or cells.bits.sum() < 2 * ENOUGH:
        return []
    if subject.quick and not subject.split and _affordable(cells) < EDITED.least * len(subject):
        subject.looked.append(Looked("copies with one cell changed", 0, len(subject)))  # too few to be told
        return []
    pairs = np.concatenate([_twins(column, cells) for column in cells.inputs])
    pairs = _limited(subject, np.unique(np.sort(pairs[:, :2], axis=1), axis=0), cells) if len(pairs) else pairs
    kept = [(one, two) for one, two in pairs.tolist() if _stands_out(one, two, cells) or _stands_out(two, one, cells)]
    return copy_findings(subject, np.asarray(kept, dtype=np.int64).reshape(-1, 2), EDITED)


def _twins(column: int, cells: Cells) -> np.ndarray:
    """(P, 2) rows that agree in all cells but this one, where few do."""
    one = cells.seen[column]
    if not one.numeric and one.distinct > 0.5 * len(one):
        return np.zeros((0, 2), dtype=np.int64)
    left = cells.whole - cells.hashes[column]
    first, counts = groups_of(left)
    rows = np.flatnonzero((counts > 1) & (counts <= MOST_TWINS) & (first != np.arange(len(left))))
    rows = rows[cells.hashes[column][rows] != cells.hashes[column][first[rows]]]
    return np.stack([first[rows], rows], axis=1)


def _affordable(cells: Cells) -> int:
    """Candidates that are held against all rows ahead of a training."""
    return max(1, min(HURRIED, HURRIED_CELLS // cells.hashes.size))


def _limited(subject: Subject, pairs: np.ndarray, cells: Cells) -> np.ndarray:
    """As many pairs as may be verified, those across parts first."""
    limit = _affordable(cells) if subject.quick else VERIFIED
    if len(pairs) <= limit:
        return pairs
    subject.looked.append(Looked("copies with one cell changed", limit, len(pairs), "candidates"))
    part = subject.part[pairs]
    apart = (part[:, 0] != part[:, 1]) & ((part[:, 0] == TRAIN) | (part[:, 1] == TRAIN))
    return pairs[np.argsort(~apart, kind="stable")[:limit]]


def _stands_out(one: int, two: int, cells: Cells) -> bool:
    """The next row is farther away by ten bits and more, and few rows are as near."""
    distance = cells.bits @ (cells.hashes != cells.hashes[:, one : one + 1])
    nearest = distance[two]
    distance[one] = np.inf
    as_near = distance <= nearest + 1e-9
    if as_near.sum() > MOST_TWINS:
        return False
    following = float(distance[~as_near].min(initial=np.inf))
    return bool(0 < nearest <= NEARER * following and following - nearest >= ENOUGH)
