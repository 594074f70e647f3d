"""Columns of numbers in which some values are no numbers."""

import numpy as np

from thalweg.checks.finding import Finding, counted, option, shown_rows, verb
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

FEW = 3
"""Different words that may be offered as words for missing."""


@detector("mixed-types", turn=1, alone=True)
def mixed_types(subject: Subject) -> list[Finding]:
    """Words among numbers that are no known spelling of missing, and that nobody called one."""
    found = []
    said = {word.strip().casefold() for word in subject.settings.missing}
    for column in subject.candidates:
        one = column.written
        if not one.numeric or (isinstance(one.column, np.ndarray) and one.column.dtype.kind in "biufM"):
            continue
        odd = np.asarray([str(value).strip().casefold() not in said for value in one.values], dtype=bool)
        rows = np.flatnonzero(odd[one.index] & ~one.missing & ~np.isfinite(one.numbers))
        if not len(rows):
            continue
        words = dict.fromkeys(str(one.column[row])[:30] for row in rows.tolist())
        shown = ", ".join(f'"{word}"' for word in list(words)[:3])
        none = f"{counted(len(rows), 'value')} {verb(len(rows), 'is', 'are')} none"
        what = f'"{one.name}" holds numbers, but {none}: {shown} ({shown_rows(rows)})'
        why = _why(gone=bool(column.missing[rows].all()))
        found.append(Finding("warn", "TYPES_MIXED", what, why, _fix(one, list(words)), rows.tolist(), one.name))
    return found


def _why(*, gone: bool) -> str:
    if gone:
        return "they count as missing; say so if that is what they mean."
    return "the whole column may be read as words, each number a word of its own."


def _fix(one: Seen, words: list[str]) -> str:
    """What mends it: words for missing, where there are few."""
    if len(words) > FEW or any("," in word for word in words):
        return f"correct them, or {option('--ignore', one.name)}"
    told = " ".join(option("--missing", word) for word in words)
    return f"{told} if that says that there is no value; else correct {verb(len(words), 'it', 'them')}"
