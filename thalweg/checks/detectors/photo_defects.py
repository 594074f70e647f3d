"""Blank, dark and blurred photos."""

import numpy as np

from thalweg.checks.finding import Finding, counted, enough, shown_rows
from thalweg.checks.pictures import Pictures, pictures_of
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

BLANK, FAINT, DARK, BRIGHT_SET = 8.0, 20.0, 40.0, 100.0
"""Levels of 255: contrast of a blank photo, and of one that is faint in a set of usual contrast; brightness of a dark one."""
SOFT = 0.4
"""Of the way from the set's median softness to the softest there is."""


@detector("photo-defects", turn=1)
def photo_defects(subject: Subject) -> list[Finding]:
    """Photos without contrast, dark ones in a bright set, and ones far softer than the others."""
    return [finding for one in subject.of_kinds(("image",)) for finding in _of_column(one, pictures_of(subject, one))]


def _of_column(one: Seen, seen: Pictures) -> list[Finding]:
    if not len(seen.rows):
        return []
    faint = (seen.contrast < FAINT) & (seen.bright >= DARK) & (float(np.median(seen.contrast)) >= BRIGHT_SET)
    blank = (seen.contrast < BLANK) | faint
    dark = (seen.bright < DARK) & ~blank & (float(np.median(seen.bright)) >= BRIGHT_SET)
    usual = float(np.median(seen.softness[~blank])) if (~blank).any() else 1.0
    soft = (seen.softness >= usual + SOFT * (1 - usual)) & ~blank & ~dark
    said = [
        _said(seen.rows[blank], "PHOTOS_BLANK", "blank", "there is nothing, or hardly anything, to see on them.", one.name),
        _said(seen.rows[dark], "PHOTOS_DARK", "dark", "they may be underexposed, or taken with the lid on.", one.name),
        _said(
            seen.rows[soft] if enough(soft.sum(), seen.asked) else [],
            "PHOTOS_BLURRED",
            "blurred",
            "edges are what nets see.",
            one.name,
        ),
    ]
    return [finding for finding in said if finding is not None]


def _said(rows: np.ndarray | list[int], code: str, word: str, why: str, name: str) -> Finding | None:
    if not len(rows):
        return None
    what = f"{counted(len(rows), 'picture')} {'looks' if len(rows) == 1 else 'look'} {word} ({shown_rows(rows)})"
    return Finding(
        "warn", code, what, why, "look at these rows, leave out what cannot be used", [int(row) for row in rows], name
    )
