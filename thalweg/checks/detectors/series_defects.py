"""Series that are flat, or written on another scale than the others."""

import numpy as np

from thalweg.checks.finding import Finding, counted, enough, shown_rows, verb
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

FLAT, FAR = 1e-6, 6.0


@detector("series-defects", turn=1, alone=True)
def series_defects(subject: Subject) -> list[Finding]:
    """Series without variation, and series whose spread or peak is far from that of the others."""
    return [finding for one in subject.of_kinds(("series",)) for finding in _of_column(one)]


def _of_column(one: Seen) -> list[Finding]:
    rows = [np.nan_to_num(np.asarray(value, dtype=np.float64)) for value in one.column]
    spread = np.asarray([float(row.std(axis=0).max()) if row.size else 0.0 for row in rows])
    peak = np.asarray([float(np.abs(row - row.mean()).max()) if row.size else 0.0 for row in rows])
    flat = np.flatnonzero(spread < FLAT)
    found = []
    if len(flat):
        are = verb(len(flat), "is", "are")
        what = f'{counted(len(flat), "series", "series")} of "{one.name}" {are} flat ({shown_rows(flat)})'
        found.append(
            Finding(
                "warn", "SERIES_FLAT", what, "the sensor may have been off.", "leave out these rows", flat.tolist(), one.name
            )
        )
    there = np.flatnonzero(spread >= FLAT)
    if len(there) >= 20:
        odd = there[_far(np.log(spread[there])) | _far(peak[there] / spread[there])]
        if enough(len(odd), len(one)):
            swing = f'of "{one.name}" {verb(len(odd), "swings", "swing")} far more or less than the others'
            what = f"{counted(len(odd), 'series', 'series')} {swing} ({shown_rows(odd)})"
            found.append(
                Finding(
                    "note",
                    "SERIES_SCALE",
                    what,
                    "they may be in another unit, or hold a spike.",
                    "look at these rows",
                    odd.tolist(),
                    one.name,
                )
            )
    return found


def _far(values: np.ndarray) -> np.ndarray:
    middle = float(np.median(values))
    deviation = float(np.median(np.abs(values - middle))) / 0.6745
    return np.abs(values - middle) > FAR * max(deviation, 1e-6)
