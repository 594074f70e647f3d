"""Some rows of a column in another unit: grams among kilograms, feet among metres."""

import numpy as np

from thalweg.checks.against_target import as_number
from thalweg.checks.finding import Finding, counted, enough, shown_rows, verb
from thalweg.checks.identity import is_identifier
from thalweg.checks.one_unit import FACTORS, MOST_SHARE, Cloud, cloud_of, deviation, moved
from thalweg.checks.scores import folds
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

FOLDS, TREES, MOST, HURRIED, HURRIED_ROWS = 2, 16, 5_000, 1_000, 5_000
DEVIATIONS, MIRROR, SIDES = 5.0, 4.0, 2.0
"""Of a peak in what other columns do not explain: how far out, and how many times its mirror image and its sides."""
TOLD = 0.8
"""Other columns tell a value where they leave at most this share of its deviation."""


@detector("unit-change", turn=2)
def unit_change(subject: Subject) -> list[Finding]:
    """Columns of positive numbers in which a few rows are the others times a known factor."""
    columns = [one for one in subject.fields.values() if _measurable(one)]
    read = np.arange(len(subject))
    if columns:
        read = subject.sample(read, most=len(subject), hurried=HURRIED_ROWS, what="changes of unit")
    found = []
    for one in columns:
        there = read[(one.numbers[read] > 0) & np.isfinite(one.numbers[read])]
        factor, places = _in_another_unit(one, np.round(np.log(one.numbers[there]), 9), there, subject)
        rows = there[places]
        if len(rows):
            looks = f"{verb(len(rows), 'looks', 'look')} to be in another unit, about {factor:.3g} times the others"
            what = f'{counted(len(rows), "value")} of "{one.name}" {looks} ({shown_rows(rows)})'
            found.append(
                Finding(
                    "warn",
                    "UNIT_CHANGE",
                    what,
                    "one number would mean two things.",
                    "bring them to one unit",
                    rows.tolist(),
                    one.name,
                )
            )
    return found


def _measurable(one: Seen) -> bool:
    if one.role not in ("input", "target") or not one.plain or not one.numeric or is_identifier(one) or one.distinct < 30:
        return False
    there = one.numbers[np.isfinite(one.numbers)]
    return len(there) >= 50 and float((there > 0).mean()) > 0.9 and float(there.min()) >= 0


def _in_another_unit(one: Seen, logs: np.ndarray, rows: np.ndarray, subject: Subject) -> tuple[float, np.ndarray]:
    """The factor, and the places of the values that are the others times it; none where there is no such factor."""
    found, axes = [cloud_of(logs, len(rows))], [logs - np.median(logs)]
    plain = [other for other in subject.fields.values() if other.plain and other.role in ("input", "target")]
    others = [other for other in plain if other is not one]
    if others:
        residual = _unexplained(others, logs, rows, subject)
        found.append(_peak(residual))
        if found[1] is not None or deviation(residual) < TOLD * deviation(logs):
            axes.append(residual)
    largest = max((one for one in found if one is not None), key=lambda one: len(one.places), default=None)
    if largest is None:
        return 1.0, np.zeros(0, dtype=np.int64)
    return largest.factor, np.unique(np.concatenate([largest.places, *(moved(axis, largest) for axis in axes)]))


def _peak(residual: np.ndarray) -> Cloud | None:
    """A peak, at the logarithm of a factor, in what the other columns do not explain of the logarithm."""
    spread = deviation(residual)
    best, found = 0.0, None
    for factor in (*FACTORS, *(1 / one for one in FACTORS)):
        move = float(np.log(factor))
        if abs(move) < DEVIATIONS * spread or spread <= 0:
            continue
        width = min(2.5 * spread, abs(move) / 4)
        peak, mirror = (np.abs(residual - place) <= width for place in (move, -move))
        sides = sum(int((np.abs(residual - move - side * 2 * width) <= width).sum()) for side in (-1, 1)) / 2
        count = int(peak.sum())
        stands = enough(count, len(residual)) and count >= MIRROR * mirror.sum() and count >= SIDES * sides
        if stands and count - sides > best and count <= MOST_SHARE * len(residual):
            best, found = count - sides, Cloud(factor, np.flatnonzero(peak))
    return found


def _unexplained(others: list[Seen], logs: np.ndarray, rows: np.ndarray, subject: Subject) -> np.ndarray:
    """(n,) logarithms of some rows less what trees that never saw them say of them from other columns; median 0."""
    from sklearn.ensemble import ExtraTreesRegressor

    table = np.stack([as_number(other)[rows] for other in others], axis=1)
    table = np.where(np.isfinite(table), table, -1e9)
    fold = folds(len(rows), FOLDS)
    predicted = np.zeros(len(rows))
    for number in range(FOLDS):
        rest = np.flatnonzero(fold != number)[: HURRIED if subject.quick else MOST]
        trees = ExtraTreesRegressor(TREES, min_samples_leaf=3, max_features=1.0, random_state=0, n_jobs=1)
        predicted[fold == number] = trees.fit(table[rest], logs[rest]).predict(table[fold == number])
    residual = logs - predicted
    return residual - np.median(residual)
