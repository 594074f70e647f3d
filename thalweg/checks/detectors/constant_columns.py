"""Columns that say nothing: one value in every row, or hardly any value at all."""

import numpy as np

from thalweg.checks.finding import Finding, option, shares
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

MOSTLY = 0.5


@detector("constant-columns", turn=1)
def constant_columns(subject: Subject) -> list[Finding]:
    """Constant columns, and those of which more than half is missing."""
    found = []
    columns = [one for one in subject.fields.values() if one.plain and one.role in ("input", "id", "ignored")]
    for one in columns:
        gone, there = float(one.missing.mean()), one.distinct > 0
        if one.distinct == 1 and gone == 0 and len(subject) > 1 and one.name not in subject.settings.ignore:
            what = f'"{one.name}" is "{_only_value(one)}" in every row'
            found.append(Finding("note", "COLUMN_CONSTANT", what, "it says nothing, and is no input.", field=one.name))
        elif gone > MOSTLY and one.name not in subject.settings.ignore:
            what = f'"{one.name}" is missing in {shares(int(one.missing.sum()), len(one))} of the rows'
            why = "what there is may mislead." if there else "it says nothing, and is no input."
            fix = option("--ignore", one.name) if there else ""
            found.append(Finding("note", "COLUMN_MOSTLY_MISSING", what, why, fix, field=one.name))
    return found


def _only_value(one: Seen) -> str:
    """The value of a constant column as it was written, where it was; numbers plainly."""
    value = one.written.column[0]
    if isinstance(value, np.datetime64):
        return str(np.datetime_as_string(value, unit="s"))
    return value.strip() if isinstance(value, str) else one.said(0)
