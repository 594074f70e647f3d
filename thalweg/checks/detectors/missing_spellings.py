"""Several spellings of "missing" in one column."""

import numpy as np

from thalweg.checks.finding import Finding
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector


@detector("missing-spellings", turn=1)
def missing_spellings(subject: Subject) -> list[Finding]:
    """Two or more of "", NA, n/a, ?, -, null, ... in a column of plain values."""
    found = []
    told = subject.facts.get("missing") or {}
    for one in (column.written for column in subject.candidates):
        counts = np.bincount(one.index, minlength=len(one.values))
        ways = {str(value).strip() or "empty": int(counts[i]) for i, value in enumerate(one.values) if one.spelt[i]}
        ways = {("empty" if way in ("None", "nan") else way): number for way, number in ways.items()}
        ways |= {str(way): int(number) for way, number in (told.get(one.name) or {}).items()}
        words = {way.casefold() for way in ways}
        if len(words) < 2:
            continue
        shown = ", ".join(f'"{way}" {number:,}' for way, number in sorted(ways.items(), key=lambda pair: -pair[1])[:5])
        what = f'"{one.name}" spells missing in {len(words)} ways: {shown}'
        found.append(
            Finding(
                "warn",
                "MISSING_SPELLINGS",
                what,
                "read apart, they would be values; they are taken for one.",
                "write one of them",
                np.flatnonzero(one.missing).tolist(),
                one.name,
            )
        )
    return found
