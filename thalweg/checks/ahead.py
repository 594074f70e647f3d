"""The check ahead of a training: quick, told in a few lines, kept with the run."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thalweg.checks.check import Checked, check
from thalweg.checks.finding import CONCERNS, Finding, counted
from thalweg.checks.looked import shortly
from thalweg.core import registry
from thalweg.data._given_split import given_by_column
from thalweg.data.dataset import Examples
from thalweg.training.examined import Examine, Examined
from thalweg.training.settings import RunSettings

KEPT = ("findings", "looked_at_in_part")
LARGE, LARGE_SHARE = 10, 0.05
NEARLY = 0.98
"""Of the best value that a metric can take: so good a result asks where it comes from."""
TOLD = 3
"""Findings that the first lines of a run tell in full."""


def examination(settings: RunSettings) -> Examine:
    """The quick check as `fit` calls it.

    What refuses is raised; copies stay in one part unless the user disagrees.
    """

    def examine(examples: Examples) -> Examined:
        checked = check(given_by_column(examples, settings.data), settings.data, quick=True)
        checked.refuse()
        groups = [] if settings.data.keep_duplicates else groups_of_copies(checked)
        facts = {key: value for key, value in checked.as_json().items() if key in KEPT}
        return Examined(told(checked, settings.source), facts, groups)

    return examine


def groups_of_copies(checked: Checked) -> list[list[int]]:
    """The rows of each group of copies; so large a one that no split could keep it together is left out."""
    if checked.together is None:
        return []
    order = np.argsort(checked.together, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(checked.together[order])) + 1)
    most = max(LARGE, LARGE_SHARE * len(order))
    return [group.tolist() for group in groups if 1 < len(group) <= most]


def told(checked: Checked, source: str | None) -> list[str]:
    """The first lines of a run on its data's findings: the gravest in full, how many more, where all of them stand."""
    command = f"thalweg check {source}" if source else "tw.check(data)"
    where = shortly(checked.looked)
    if not checked.findings:
        return [f"nothing found{where}" + (f"; {command} looks at all" if where else "")]
    first = [one for one in checked.findings if one.severity != "note"] or checked.findings
    rest = len(checked.findings) - len(first[:TOLD])
    lines = [sentence(one) for one in first[:TOLD]]
    more = f"{rest:,} more: " if rest else ""
    head = counted(len(checked.findings), "finding")
    return [f"{head}{where}: {lines[0]}", *lines[1:], f"{more}{command} shows all"]


def suspicions(findings: Sequence[Mapping[str, Any]], metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is to be looked at before a perfect or nearly perfect result is believed: leaks that the check suspects.

    Args:
        findings: of the check, as JSON values.
        metrics: by name, what the run came to.
    """
    leaks = [str(one["what"]) for one in findings if one.get("concern") == CONCERNS[0]]
    if not leaks or not any(_nearly_perfect(name, one.get("value")) for name, one in metrics.items()):
        return []
    more = f"; and {len(leaks) - 1:,} more" if len(leaks) > 1 else ""
    return [f"so good a result may come from a leak, look at this first: {leaks[0]}{more}"]


def _nearly_perfect(name: str, value: float | None) -> bool:
    best = registry.facts("metric", name).get("best") if name in registry.names("metric") else None
    return value is not None and best is not None and best > 0 and value >= NEARLY * best


def sentence(one: Finding) -> str:
    """A finding in one line: the fact, and what mends it where that is a flag."""
    return f"{one.what}; {one.fix}" if one.fix.startswith("--") else one.what
