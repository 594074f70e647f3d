"""Rows that stand in the data twice."""

import numpy as np

from thalweg.checks.copies import Copy, Hashed, copy_findings, hashed, hashes_of, pairs_of_groups
from thalweg.checks.finding import Finding
from thalweg.checks.hashing import groups_of
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

CHANCE = "rows that agree in all but one cell are more than these, so it may be coincidence; they are not kept together."
EXACT = Copy("DUPLICATES", "a copy", "copies")
TWINS, COMMON = 4, 0.5
"""So many times more rows that differ in one cell than in none speak for coincidence, or such twins of half of all rows."""


@detector("duplicates", turn=1)
def duplicates(subject: Subject) -> list[Finding]:
    """Rows equal in every input and in the target, ids left aside."""
    hashes = hashed(subject)
    if hashes is None:
        return []
    target = subject.target
    whole = hashes.whole if target is None or target.kind is None else hashes.whole + hashes_of(target)
    pairs = pairs_of_groups(whole, subject.part)
    return copy_findings(subject, pairs, EXACT, CHANCE if len(pairs) and coincidental(hashes, whole) else "")


def coincidental(hashes: Hashed, whole: np.ndarray) -> bool:
    """Rows that agree in all cells but one outnumber those that agree in all: the columns say too little to tell rows apart."""
    if len(hashes.by_field) < 2:
        return len(np.unique(whole)) < 0.2 * len(whole)
    first, counts = groups_of(whole)
    leaders = np.flatnonzero(first == np.arange(len(whole)))
    equal = int((counts > 1).sum())
    twins = np.zeros(len(leaders), dtype=bool)
    for one in hashes.by_field.values():
        twins |= groups_of((whole - one)[leaders])[1] > 1
    return int(twins.sum()) > TWINS * equal or float(twins.mean()) > COMMON
