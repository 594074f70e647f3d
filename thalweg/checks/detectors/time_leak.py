"""Rows from the future in training."""

import numpy as np

from thalweg.checks.finding import Finding, counted, option, shown_rows, verb
from thalweg.checks.scores import area_under_curve
from thalweg.checks.subject import TEST, TRAIN, Subject
from thalweg.checks.times import time_columns
from thalweg.core.registry import detector

BY_TIME, AT_RANDOM = 0.9, 0.1
EDGE = 0.01


@detector("time-leak", turn=1)
def time_leak(subject: Subject) -> list[Finding]:
    """A given split that is cut by time, but for some training rows that are later than the test; or one that ignores time."""
    if not subject.split:
        return []
    judged = TEST if (subject.part == TEST).any() else int(subject.part.max())
    found = []
    for one, moments in time_columns(subject):
        known = np.isfinite(moments)
        train, test = known & (subject.part == TRAIN), known & (subject.part == judged)
        if train.sum() < 10 or test.sum() < 10:
            continue
        later = area_under_curve(moments[train | test], test[train | test])
        if later >= BY_TIME:
            rows = np.flatnonzero(train & (moments > np.quantile(moments[test], EDGE)))
            found += [_future(one.name, rows)] if len(rows) else []
        elif abs(later - 0.5) < AT_RANDOM and one.kind is not None:
            found.append(_ignored(one.name))
    return found


def _future(name: str, rows: np.ndarray) -> Finding:
    later = f"{verb(len(rows), 'is', 'are')} later than the beginning of the test"
    what = f'{counted(len(rows), "training row")} {later} by "{name}" ({shown_rows(rows)})'
    why = "what happened after the test would be learned, so the score would flatter."
    return Finding(
        "warn",
        "TIME_LEAK",
        what,
        why,
        f"leave the given split out and cut by time: {option('--time', name)}",
        rows.tolist(),
        name,
        concern="leak",
    )


def _ignored(name: str) -> Finding:
    what = f'the given split ignores time: "{name}" is alike in training and test'
    why = "if the model is to foresee, it is judged on a past that it has seen."
    return Finding(
        "note", "TIME_IGNORED", what, why, f"leave the given split out and cut by time: {option('--time', name)}", (), name
    )
