"""Labels that two unlike models contradict where they are surest.

Reference: Northcutt, Jiang & Chuang 2021, doi:10.1613/jair.1.12125 (confident learning); the rule here is ours, since theirs
names a tenth of the rows of clean tables.
"""

import numpy as np

from thalweg.checks.evidence_table import read
from thalweg.checks.finding import Finding, Severity, counted, shown_rows
from thalweg.checks.judges import probabilities
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

LEAST_ROWS, LEAST_CLASS, MOST_CLASSES, LEAST_FOUND = 500, 5, 50, 3
LOW, OF_ERROR, HIGH = 0.006, 0.06, 0.07
"""Between what shares of the surest quarter's rows labels may be contradicted to look like slips rather than like overlap."""
OVERLAP, OVERLAP_MANY = 0.15, 0.20
"""Errors beyond that, with two classes and with more: the classes overlap."""
SURE, SURER, SMALL_ERROR, GOOD = 0.9, 0.95, 0.04, 0.10


@detector("label-errors", turn=5)
def label_errors(subject: Subject) -> list[Finding]:
    """Rows on whose other class both models agree, where so many are contradicted that it is no chance.

    Ahead of a training none are looked at: two models are fitted five times each, longer than a small net learns.
    """
    classes = subject.classes
    if classes is None or not 2 <= classes.distinct <= MOST_CLASSES:
        return []
    common = np.flatnonzero(classes.counts >= LEAST_CLASS)
    rows = np.flatnonzero(np.isin(classes.codes, common))
    if len(rows) < LEAST_ROWS or len(common) < 2:
        return []
    rows = subject.sample(rows, most=10_000, hurried=0, what="wrong labels")
    seen = read(subject, rows) if len(rows) else None
    if seen is None or len(seen.rows) < LEAST_ROWS:
        return []
    codes = np.searchsorted(common, classes.codes[seen.rows])
    if np.bincount(codes, minlength=len(common)).min() < 2:
        return []
    first, second = (probabilities(judge, seen.table, codes) for judge in seen.judges)
    return _judged(seen.rows, codes, first, second, classes.name)


def _judged(rows: np.ndarray, codes: np.ndarray, first: np.ndarray, second: np.ndarray, name: str) -> list[Finding]:
    mean = (first + second) / 2
    said, sureness = mean.argmax(axis=1), mean.max(axis=1)
    error = float((said != codes).mean())
    surest = np.argsort(-sureness, kind="stable")[: max(1, len(codes) // 4)]
    contradicted = said[surest] != codes[surest]
    share = float(contradicted.mean())
    limit = OVERLAP if mean.shape[1] == 2 else OVERLAP_MANY
    if contradicted.sum() < LEAST_FOUND or not max(LOW, OF_ERROR * error) <= share <= HIGH or error - share > limit:
        return []
    every = np.arange(len(codes))
    other = first.argmax(axis=1)
    sure = first[every, other] >= (SURER if error > SMALL_ERROR else SURE)
    agreed = (other != codes) & (second.argmax(axis=1) == other) & sure & (second[every, codes] < 0.5 * second[every, other])
    named = np.flatnonzero(agreed)
    named = rows[named[np.argsort(-mean[named].max(axis=1), kind="stable")]]
    if len(named) < LEAST_FOUND:
        return []
    severity: Severity = "warn" if error <= GOOD else "note"
    surely = "even where two models are surest, they contradict so many"
    what = f"about {100 * share:.0f} % of the labels in {name} look wrong: {surely}"
    why = f"look first at {shown_rows(named)} ({counted(len(named), 'row')} in all); roughly half of such rows are mistakes."
    return [Finding(severity, "LABELS_WRONG", what, why, "correct or leave out what is wrong", named.tolist(), name)]
