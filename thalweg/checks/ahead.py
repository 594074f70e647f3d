"""The check ahead of a training: quick, told in a few lines, kept with the run."""

import numpy as np

from thalweg.checks.check import Checked, check
from thalweg.checks.finding import Finding, counted
from thalweg.checks.looked import shortly
from thalweg.data.dataset import Examples
from thalweg.training.examined import Examine, Examined
from thalweg.training.settings import RunSettings

KEPT = ("findings", "looked_at_in_part")
LARGE, LARGE_SHARE = 10, 0.05
TOLD = 3
"""Findings that the first lines of a run tell in full."""


def examination(settings: RunSettings) -> Examine:
    """The quick check as `fit` calls it.

    What refuses is raised; copies stay in one part unless the user disagrees.
    """

    def examine(examples: Examples) -> Examined:
        checked = check(examples, settings.data, quick=True)
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


def sentence(one: Finding) -> str:
    """A finding in one line: the fact, and what mends it where that is a flag."""
    return f"{one.what}; {one.fix}" if one.fix.startswith("--") else one.what
