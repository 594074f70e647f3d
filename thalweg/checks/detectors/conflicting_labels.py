"""Equal inputs with different classes: one of the labels is wrong, or the inputs do not tell the classes apart."""

import numpy as np

from thalweg.checks.copies import hashed
from thalweg.checks.detectors.duplicates import coincidental
from thalweg.checks.finding import Finding, counted, shown_rows
from thalweg.checks.hashing import groups_of
from thalweg.checks.subject import TRAIN, Subject
from thalweg.core.registry import detector

ENOUGH, OF_CHANCE = 10, 0.5
"""So many groups whose classes differ, and so large a part of what unrelated rows would do, speak for coincidence."""


@detector("conflicting-labels", turn=1)
def conflicting_labels(subject: Subject) -> list[Finding]:
    """Groups of rows equal in every input whose classes differ."""
    hashes, classes = hashed(subject), subject.classes
    if hashes is None or classes is None:
        return []
    first, _ = groups_of(hashes.whole)
    codes = classes.codes
    differs = np.zeros(len(subject), dtype=bool)
    np.logical_or.at(differs, first, codes != codes[first])
    rows = np.flatnonzero(differs[first])
    if subject.old:
        rows = rows[np.isin(first[rows], first[subject.part != TRAIN])]
    if not len(rows):
        return []
    groups = len(np.unique(first[rows]))
    shown = shown_rows(rows[np.argsort(first[rows], kind="stable")])
    vague = coincidental(hashes, hashes.whole) or _as_by_chance(groups, first, codes)
    why = "the inputs do not tell them apart, so no model can be right on all." if vague else "one of the labels looks wrong."
    return [
        Finding(
            "note" if vague else "warn",
            "LABELS_CONFLICT",
            f"{counted(groups, 'group')} of equal inputs with different {classes.name}: {shown}",
            why,
            "look at these rows and correct or leave out what is wrong",
            rows.tolist(),
            classes.name,
        )
    ]


def _as_by_chance(groups: int, first: np.ndarray, codes: np.ndarray) -> bool:
    """Rows with equal inputs differ in class about as often as any two rows do: they are no copies, but alike by chance."""
    shares = np.bincount(codes[codes >= 0]) / max(int((codes >= 0).sum()), 1)
    several = np.count_nonzero(np.bincount(first) > 1)
    return groups >= max(ENOUGH, OF_CHANCE * (1 - float((shares**2).sum())) * int(several))
