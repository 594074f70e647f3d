"""Columns that say nothing: one value in every row, or hardly any value at all."""

from thalweg.checks.finding import Finding, option, shares
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
            what = f'"{one.name}" is {one.levels[0]!r} in every row'
            found.append(Finding("note", "COLUMN_CONSTANT", what, "it says nothing, and is no input.", field=one.name))
        elif gone > MOSTLY and one.name not in subject.settings.ignore:
            what = f'"{one.name}" is missing in {shares(int(one.missing.sum()), len(one))} of the rows'
            why = "what there is may mislead." if there else "it says nothing, and is no input."
            fix = option("--ignore", one.name) if there else ""
            found.append(Finding("note", "COLUMN_MOSTLY_MISSING", what, why, fix, field=one.name))
    return found
