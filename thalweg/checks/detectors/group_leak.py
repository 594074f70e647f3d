"""Rows of one patient, ticket or user on both sides of the split."""

import numpy as np

from thalweg.checks.finding import Finding, counted, option, verb
from thalweg.checks.identity import names_groups
from thalweg.checks.seen import Seen
from thalweg.checks.subject import TRAIN, Subject
from thalweg.core.registry import detector


@detector("group-leak", turn=1)
def group_leak(subject: Subject) -> list[Finding]:
    """Columns named after what rows have in common whose values stand in training and outside it."""
    if subject.settings.group is not None and not subject.split:
        return []
    named = [
        one
        for one in subject.fields.values()
        if one.role != "target" and ((one.role == "group" and one.plain) or names_groups(one))
    ]
    return [finding for one in named for finding in (_given(one, subject) if subject.split else _to_be_cut(one, subject))]


def _given(one: Seen, subject: Subject) -> list[Finding]:
    trained = np.unique(one.codes[(subject.part == TRAIN) & (one.codes >= 0)])
    rows = np.flatnonzero((subject.part > TRAIN) & np.isin(one.codes, trained))
    if not len(rows):
        return []
    groups = len(np.unique(one.codes[rows]))
    stand = f"{verb(groups, 'stands', 'stand')} in training and outside it"
    what = f'{counted(groups, "value")} of "{one.name}" {stand}, in {counted(len(rows), "row")} outside'
    why = "who is known from training is easier to judge than somebody new, so the score would flatter."
    return [
        Finding(
            "warn",
            "GROUPS_ACROSS",
            what,
            why,
            f"leave the given split out and cut by it: {option('--group', one.name)}",
            rows.tolist(),
            one.name,
            concern="leak",
        )
    ]


def _to_be_cut(one: Seen, subject: Subject) -> list[Finding]:
    shared = one.counts[one.codes] > 1
    rows = np.flatnonzero(shared & (one.codes >= 0))
    groups = f"{int((one.counts > 1).sum()):,} of its values stand in several rows"
    what = f'"{one.name}" looks like a group: {groups}, and a split at random sets them on both sides'
    why = "who is known from training is easier to judge than somebody new, so the score would flatter."
    fix = option("--group", one.name)
    return [Finding("warn", "GROUPS_ACROSS", what, why, fix, rows.tolist(), one.name, concern="leak")]
