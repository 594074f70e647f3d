"""Columns of numbers in which some values are no numbers."""

import numpy as np

from thalweg.checks.finding import Finding, counted, option, shown_rows, verb
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector


@detector("mixed-types", turn=1, alone=True)
def mixed_types(subject: Subject) -> list[Finding]:
    """Words among numbers that are no known spelling of missing."""
    found = []
    for one in (column.written for column in subject.candidates):
        if not one.numeric or (isinstance(one.column, np.ndarray) and one.column.dtype.kind in "biufM"):
            continue
        rows = np.flatnonzero(~one.missing & ~np.isfinite(one.numbers))
        if not len(rows):
            continue
        words = dict.fromkeys(str(one.column[row])[:30] for row in rows.tolist())
        shown = ", ".join(f'"{word}"' for word in list(words)[:3])
        none = f"{counted(len(rows), 'value')} {verb(len(rows), 'is', 'are')} none"
        what = f'"{one.name}" holds numbers, but {none}: {shown} ({shown_rows(rows)})'
        why = "the whole column may be read as words, each number a word of its own."
        found.append(
            Finding(
                "warn", "TYPES_MIXED", what, why, f"correct them, or {option('--ignore', one.name)}", rows.tolist(), one.name
            )
        )
    return found
