"""Time stamps out of order, or standing twice."""

from bisect import bisect_right

import numpy as np

from thalweg.checks.finding import Finding, counted, shown_rows, verb
from thalweg.checks.subject import Subject
from thalweg.checks.times import time_columns
from thalweg.core.registry import detector

DESCENTS, DISTINCT = 0.15, 0.8
MOST_OUT = 0.3
"""Share of the rows that may be out of order where a column still runs on."""


@detector("time-order", turn=1)
def time_order(subject: Subject) -> list[Finding]:
    """Rows outside the longest ordered run of a nearly ordered column, and repeats in one where most values are distinct."""
    found = []
    for one, moments in time_columns(subject):
        known = np.flatnonzero(np.isfinite(moments))
        values = moments[known]
        if len(values) < 10:
            continue
        descents = float((np.diff(values) < 0).mean())
        if 0 < descents <= DESCENTS:
            rows = np.delete(known, _ordered(values))
            if len(rows) > MOST_OUT * len(known):  # it begins anew again and again: seasons, or one run for each of many
                continue
            what = f'"{one.name}" runs on but for {counted(len(rows), "row")} out of order ({shown_rows(rows)})'
            found.append(
                Finding(
                    "warn",
                    "TIME_UNSORTED",
                    what,
                    "what is read as a series would jump.",
                    f'sort by "{one.name}"',
                    rows.tolist(),
                    one.name,
                )
            )
        _, first = np.unique(values, return_index=True)
        if DISTINCT * len(values) <= len(first) < len(values) and descents <= DESCENTS:
            rows = np.delete(known, first)
            twice = f"{counted(len(rows), 'time')} that {verb(len(rows), 'stands', 'stand')} twice"
            what = f'"{one.name}" has {twice} ({shown_rows(rows)})'
            found.append(
                Finding(
                    "warn",
                    "TIME_TWICE",
                    what,
                    "one moment has two truths.",
                    "keep one row of each moment",
                    rows.tolist(),
                    one.name,
                )
            )
    return found


def _ordered(values: np.ndarray) -> np.ndarray:
    """The places of a longest run that never falls.

    Reference: Fredman 1975, doi:10.1016/0012-365X(75)90103-X.
    """
    ends: list[float] = []
    at: list[int] = []
    before = np.full(len(values), -1)
    for place, value in enumerate(values.tolist()):
        length = bisect_right(ends, value)
        before[place] = at[length - 1] if length else -1
        if length == len(ends):
            ends.append(value)
            at.append(place)
        else:
            ends[length], at[length] = value, place
    chain = []
    place = at[-1]
    while place >= 0:
        chain.append(place)
        place = int(before[place])
    return np.asarray(chain[::-1])
