"""A finding: what is wrong, in which rows, why it matters, and one command that mends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Severity = Literal["refuse", "warn", "note"]
ORDER: tuple[Severity, ...] = ("refuse", "warn", "note")
Concern = Literal["leak", "values", ""]
CONCERNS: tuple[Concern, ...] = ("leak", "values", "")
"""What is told first among equals: what makes a score flatter, then values that would be learned as what they are not."""
LISTED = 1000
"""Rows that are written to files; further ones are counted."""
SHOWN = 5
LEAST_ROWS, LEAST_SHARE = 3, 0.003
"""Fewer odd rows than this, or a smaller share of all, are no finding: chance makes as many."""


@dataclass(frozen=True)
class Finding:
    """One defect of one set of data.

    Attributes:
        severity: refuse (nothing is learned before somebody decides), warn, or note.
        code: stable name in capitals, such as `DUPLICATES_ACROSS`.
        what: the fact, with its figures.
        why: why it matters, and what was done about it.
        fix: one command or edit.
        rows: the rows concerned, all of them; empty where it concerns a column or the whole.
        field: the column, where it concerns one.
        pairs: (P, 2) rows that are copies of each other, which stay in one part.
        concern: a leak, by which a score would flatter; values that are not what they say; or neither.
    """

    severity: Severity
    code: str
    what: str
    why: str
    fix: str = ""
    rows: Sequence[int] = ()
    field: str = ""
    pairs: np.ndarray | None = None
    concern: Concern = ""

    @property
    def rank(self) -> tuple[int, int]:
        """Its place among others, the gravest first."""
        return ORDER.index(self.severity), CONCERNS.index(self.concern)

    def as_json(self) -> dict[str, Any]:
        """The finding as JSON values; long lists of rows are cut, and counted."""
        rows = [int(row) for row in self.rows[:LISTED]]
        facts: dict[str, Any] = {
            "severity": self.severity,
            "code": self.code,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
        }
        facts |= {"field": self.field} if self.field else {}
        facts |= {"concern": self.concern} if self.concern else {}
        facts |= {"pairs": self.pairs[:LISTED].tolist()} if self.pairs is not None and len(self.pairs) else {}
        return facts | ({"rows": rows, "count": len(self.rows)} if rows else {})

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" + (f" {self.fix}" if self.fix else "")


def enough(number: int | float, rows: int) -> bool:
    """So many odd rows of all that chance hardly made them."""
    return bool(number >= max(LEAST_ROWS, LEAST_SHARE * rows))


def shown_rows(rows: Sequence[int] | np.ndarray, *, most: int = SHOWN) -> str:
    """`rows 31, 877 and 12 more`."""
    named = ", ".join(f"{int(row):,}" for row in rows[:most])
    more = f" and {len(rows) - most:,} more" if len(rows) > most else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {named}{more}"


def shown_pairs(pairs: np.ndarray, *, most: int = 3) -> str:
    """`17 = 408, 31 = 877 and 12 more`."""
    named = ", ".join(f"{int(one):,} = {int(two):,}" for one, two in pairs[:most])
    return named + (f" and {len(pairs) - most:,} more" if len(pairs) > most else "")


def counted(number: int, word: str, several: str = "") -> str:
    """`1 row`, `12 rows`."""
    return f"{number:,} {word if number == 1 else several or word + 's'}"


def verb(number: int, one: str, several: str) -> str:
    """The form of a word that agrees with a number: is or are, looks or look."""
    return one if number == 1 else several


def shares(number: int, whole: int) -> str:
    """A share in words that suit its size: `3 of 100`, or `12 %`."""
    share = 100 * number / max(whole, 1)
    return f"{share:.0f} %" if share >= 10 else f"{share:.1f} %" if share >= 0.1 else f"{number:,} of {whole:,}"


def option(name: str, *values: str) -> str:
    """A flag with its values, quoted where a shell would split them."""
    return f"{name} " + ",".join(f"'{value}'" if set(value) & set(" '\"()&;|<>*$") else value for value in values)
