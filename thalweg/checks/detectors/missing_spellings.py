"""Several spellings of "missing" in one column."""

import numpy as np

from thalweg.checks.finding import Finding
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

WORDS = frozenset(("unknown", "not available", "not known", "not given", "not specified", "unspecified", "no data", "missing"))
"""Words, in lower case, that may be a class of their own, but hardly beside another spelling of missing."""


@detector("missing-spellings", turn=1, alone=True)
def missing_spellings(subject: Subject) -> list[Finding]:
    """Two or more of "", NA, n/a, ?, -, null, ... in a column of plain values.

    Who named words for missing knows of them: then only what would still be read as a value is told.
    """
    found = []
    said = {word.strip().casefold() for word in subject.settings.missing}
    told = subject.facts.get("missing") or {}
    for column in subject.candidates:
        one = column.written
        counts = one.occurrences
        words = [i for i, level in enumerate(one.levels) if level in WORDS] if one.array is None else []
        gone = one.missing | np.isin(one.codes, words) if words else one.missing
        ways = {str(one.values[i]).strip() or "empty": int(counts[i]) for i in np.flatnonzero(one.spelt).tolist()}
        ways = {("empty" if way in ("None", "nan") else way): number for way, number in ways.items()}
        ways |= {str(way): int(number) for way, number in (told.get(one.name) or {}).items()}
        ways |= {one.levels[i]: int(one.counts[i]) for i in words} if ways else {}
        ways = {way: number for way, number in ways.items() if way.casefold() not in said}
        apart = bool(words) or not column.missing[gone].all()
        if len({way.casefold() for way in ways}) < 2 or (said and not apart):
            continue
        shown = ", ".join(f'"{way}" {number:,}' for way, number in sorted(ways.items(), key=lambda pair: -pair[1])[:5])
        what = f'"{one.name}" spells missing in {len({way.casefold() for way in ways})} ways: {shown}'
        found.append(
            Finding(
                "warn",
                "MISSING_SPELLINGS",
                what,
                "read apart, they would be values." if apart else "read apart, they would be values; they are taken for one.",
                "write one of them",
                np.flatnonzero(gone).tolist(),
                one.name,
            )
        )
    return found
