"""Texts that say nothing, are far too long, or were read in the wrong encoding."""

import re

import numpy as np

from thalweg.checks.finding import Finding, Severity, counted, shown_rows
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

LONG = 5.0
"""Times the length that nine in ten texts stay below."""
LEAST_LONG = 200
MISREAD = re.compile(
    "[\u00c2\u00c3][\u0080-\u00bf]|\u00e2[\u0080-\u009f\u20ac\u0153\u201e\u2020-\u203a][\u0080-\u00bf\u2013-\u2122]|\ufffd|[\u0080-\u009f]"
)
"""Pairs that UTF-8 makes when it is read as Latin-1 or cp1252, the sign for what could not be read, and control signs."""
SAYS = re.compile(r"\w")


@detector("text-defects", turn=1, alone=True)
def text_defects(subject: Subject) -> list[Finding]:
    """Empty, very long and wrongly read texts."""
    return [finding for one in subject.prose for finding in _of_column(one)]


def _of_column(one: Seen) -> list[Finding]:
    texts = ["" if gone else str(value) for value, gone in zip(one.values, one.spelt, strict=True)]
    empty = np.flatnonzero(np.asarray([SAYS.search(text) is None for text in texts])[one.index])
    lengths = np.asarray([len(text) for text in texts])[one.index]
    limit = max(LEAST_LONG, LONG * float(np.quantile(lengths, 0.9)))
    long = np.flatnonzero(lengths > limit)
    misread = np.flatnonzero(np.asarray([MISREAD.search(text) is not None for text in texts])[one.index])
    said = [
        _said(
            empty, "TEXT_EMPTY", f'of "{one.name}" without a letter or digit', "there is nothing to learn from them.", one.name
        ),
        _said(
            long,
            "TEXT_LONG",
            f'of "{one.name}" longer than {limit:,.0f} signs',
            "they may be several texts run together.",
            one.name,
        ),
        _said(
            misread,
            "TEXT_ENCODING",
            f'of "{one.name}" with signs of a wrong encoding, such as "{_sample(misread, one)}"',
            "they were written in one encoding and read in another; give the right one.",
            one.name,
        ),
    ]
    return [finding for finding in said if finding is not None]


def _said(rows: np.ndarray, code: str, what: str, why: str, name: str) -> Finding | None:
    fixes = {"TEXT_ENCODING": "--encoding cp1252, or another"}
    severity: Severity = "warn"
    if not len(rows):
        return None
    return Finding(
        severity,
        code,
        f"{counted(len(rows), 'text')} {what} ({shown_rows(rows)})",
        why,
        fixes.get(code, "look at these rows"),
        rows.tolist(),
        name,
    )


def _sample(rows: np.ndarray, one: Seen) -> str:
    if not len(rows):
        return ""
    found = MISREAD.search(str(one.column[int(rows[0])]))
    return found.group().encode("unicode_escape").decode() if found else ""
