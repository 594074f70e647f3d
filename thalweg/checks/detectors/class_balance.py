"""Classes that are rare, or missing from a part."""

import numpy as np

from thalweg.checks.finding import Finding, counted
from thalweg.checks.seen import Seen
from thalweg.checks.subject import TRAIN, Subject
from thalweg.core.errors import some_of
from thalweg.core.registry import detector
from thalweg.data.dataset import PARTS

UNEVEN, MANY = 10.0, 50


@detector("class-balance", turn=1)
def class_balance(subject: Subject) -> list[Finding]:
    """The largest class ten times the smallest, and classes that a part of a given split lacks."""
    classes = subject.classes
    if classes is None or not classes.distinct:
        return []
    return [*_imbalance(classes), *_missing(subject)]


def _imbalance(classes: Seen) -> list[Finding]:
    counts = classes.counts
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] < UNEVEN * counts[least] or classes.distinct < 2:
        return []
    what = f'"{classes.said(most)}" has {counts[most]:,} rows, "{classes.said(least)}" {counts[least]:,}'
    why = "a model that never says the rare class is nearly always right: read recall and balanced accuracy too."
    return [Finding("note", "CLASSES_UNEVEN", what, why, "", (), classes.name)]


def _missing(subject: Subject) -> list[Finding]:
    classes = subject.classes
    assert classes is not None
    found = []
    whole = np.flatnonzero(classes.counts > 0)
    for number in sorted(set(subject.part[subject.part >= 0].tolist())):
        here = classes.codes[subject.part == number]
        gone = np.setdiff1d(whole, here)
        if not len(gone) or subject.old or (number != TRAIN and len(here) < 5 * len(whole) and len(whole) > MANY):
            continue
        names = some_of([f'"{classes.said(i)}"' for i in gone])
        lacks = "never learned" if number == TRAIN else "never judged"
        what = f"{PARTS[number]} has no row of {counted(len(gone), 'class', 'classes')} of {len(whole)}: {names}"
        rows = np.flatnonzero(np.isin(classes.codes, gone))
        found.append(
            Finding(
                "warn",
                "CLASS_MISSING",
                what,
                f"what is not there is {lacks}.",
                "leave the given split out so that one is cut, or add rows",
                rows.tolist(),
                classes.name,
            )
        )
    return found
