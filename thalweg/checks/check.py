"""The check: every detector in its turn, what each found, and what was looked at in part only."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thalweg.checks.finding import Finding, Severity
from thalweg.checks.looked import Looked
from thalweg.checks.subject import Subject
from thalweg.core import registry
from thalweg.core.errors import DataRefusal
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings


@dataclass(frozen=True)
class Checked:
    """What a check came to.

    Attributes:
        findings: the gravest first.
        looked: what was looked at in part only.
        seconds: by detector.
        together: (N,) a number for each row: rows with the same one are copies and stay in one part; None where there are none.
    """

    findings: Sequence[Finding]
    rows: int
    looked: Sequence[Looked] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    together: np.ndarray | None = None

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of a severity."""
        return [one for one in self.findings if one.severity == severity]

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "rows": self.rows,
            "findings": [one.as_json() for one in self.findings],
            "looked_at_in_part": [str(one) for one in self.looked],
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }

    def refuse(self) -> None:
        """Raise what nothing may be learned from before somebody decides.

        Raises:
            DataRefusal: a finding refuses; all of them are named.
        """
        grave = self.of("refuse")
        if grave:
            raise DataRefusal(
                grave[0].code,
                "; ".join(one.what for one in grave[:3]) + (f"; and {len(grave) - 3} more" if len(grave) > 3 else ""),
                where=", ".join(f"field {one.field}" for one in grave if one.field)[:200],
                why=grave[0].why,
                fix=grave[0].fix,
                details={"findings": [one.as_json() for one in grave]},
            )


def check(examples: Examples, settings: DataSettings | None = None, *, quick: bool = False) -> Checked:
    """Look at data for everything that is known to go wrong with them.

    Args:
        quick: ahead of a training: what is costly looks at a sample, which `looked` tells.

    Raises:
        Refusal: the settings name what is not there, or values are of no known kind.
    """
    subject = Subject.of(examples, settings or DataSettings(), quick=quick)
    return look(subject, subject)


def look(subject: Subject, alone: Subject) -> Checked:
    """What all detectors find.

    Args:
        alone: the rows that are checked, where the subject also holds others beside which they are checked; detectors of the
            fact `alone`, which count what is in a column, see no others.
    """
    findings: list[Finding] = []
    seconds: dict[str, float] = {}
    for name in in_turn():
        begun = time.monotonic()
        seen = alone if registry.facts("detector", name).get("alone") else subject
        findings += registry.load("detector", name)(seen)
        seconds[name] = time.monotonic() - begun
    found = sorted(findings, key=lambda one: one.rank)
    return Checked(found, len(subject), list(dict.fromkeys(subject.looked)), seconds, together(findings, len(subject)))


def in_turn() -> list[str]:
    """The names of all detectors: what is exact and cheap first, label errors last."""
    return sorted(registry.names("detector"), key=lambda name: (registry.facts("detector", name).get("turn", 9), name))


def together(findings: Iterable[Finding], rows: int) -> np.ndarray | None:
    """(rows,) the least row of each row's group of copies; None where no rows belong together."""
    pairs = [one.pairs for one in findings if one.pairs is not None and len(one.pairs)]
    if not pairs:
        return None
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ends = np.concatenate(pairs)
    graph = coo_matrix((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(rows, rows))
    _, number = connected_components(graph, directed=False)
    first = np.full(number.max() + 1, rows)
    np.minimum.at(first, number, np.arange(rows))
    groups: np.ndarray = first[number]
    return groups
