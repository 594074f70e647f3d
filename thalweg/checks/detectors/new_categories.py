"""Categories that training never saw."""

import numpy as np
import scipy

from thalweg.checks.finding import Finding, counted, shown_rows
from thalweg.checks.seen import Seen
from thalweg.checks.subject import TRAIN, Subject
from thalweg.core.registry import detector

UNLIKELY, UNIQUE = 0.001, 0.5


@detector("new-categories", turn=1)
def new_categories(subject: Subject) -> list[Finding]:
    """Columns of words in which other parts have more new values than rare ones explain.

    Reference: Good 1953, doi:10.1093/biomet/40.3-4.237: the chance that the next value is new is the share of those seen once.
    """
    if not subject.split:
        return []
    columns = [one for one in subject.of_kinds(("category",)) if one.plain and one.distinct <= UNIQUE * len(one)]
    found = []
    for one in columns:
        rows = _new(one, subject.part, len(columns))
        if len(rows):
            words = ", ".join(f'"{one.said(i)}"' for i in dict.fromkeys(one.codes[rows].tolist()))[:80]
            outside = counted(len(rows), "new row") if subject.old else f"{counted(len(rows), 'row')} outside training"
            what = f'{outside} with values of "{one.name}" that training never saw: {words} ({shown_rows(rows)})'
            found.append(
                Finding(
                    "warn",
                    "CATEGORIES_NEW",
                    what,
                    "nothing is known of them; they are read as unknown.",
                    "look whether they are misspelt, or add such rows to training",
                    rows.tolist(),
                    one.name,
                )
            )
    return found


def _new(one: Seen, part: np.ndarray, columns: int) -> np.ndarray:
    seen, there = np.unique(one.codes[(part == TRAIN) & (one.codes >= 0)]), one.codes >= 0
    rows = np.flatnonzero((part > TRAIN) & there & ~np.isin(one.codes, seen))
    if len(rows) < 2:
        return np.zeros(0, dtype=np.int64)
    counts = np.bincount(one.codes[(part == TRAIN) & there])
    once, total = int((counts == 1).sum()), int(counts.sum())
    asked = int(((part > TRAIN) & there).sum())
    if once == 0:
        return rows
    chance = scipy.stats.binom.sf(len(rows) - 1, asked, min(1.0, (once + 1) / max(total, 1)))
    return rows if chance < UNLIKELY / columns else np.zeros(0, dtype=np.int64)
