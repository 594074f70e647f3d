"""Some rows of a column in another unit: grams among kilograms, feet among metres."""

import numpy as np
from scipy.stats import ks_2samp

from thalweg.checks.against_target import as_number
from thalweg.checks.finding import Finding, counted, enough, shown_rows, verb
from thalweg.checks.identity import is_identifier
from thalweg.checks.scores import folds
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

FACTORS = (1000.0, 100.0, 60.0, 24.0, 12.0, 10.0, 7.0, 3.2808, 2.54, 2.2046, 1.6093)
MOST_SHARE = 0.25
CLEAR = 3.5
"""Standard deviations of the logarithm by which a factor must move values to stand alone."""
FOLDS, TREES, MOST, HURRIED, HURRIED_ROWS = 2, 16, 5_000, 1_000, 5_000
DEVIATIONS, MIRROR, SIDES = 5.0, 4.0, 2.0
"""Of a peak in what other columns do not explain: how far out, and how many times its mirror image and its sides."""


@detector("unit-change", turn=2)
def unit_change(subject: Subject) -> list[Finding]:
    """Columns of positive numbers in which a few rows are the others times a known factor."""
    columns = [one for one in subject.fields.values() if _measurable(one)]
    read = np.arange(len(subject))
    if columns:
        read = subject.sample(read, most=len(subject), hurried=HURRIED_ROWS, what="changes of unit")
    found = []
    for one in columns:
        logs = np.full(len(subject), np.nan)
        logs[read] = np.log(np.where(one.numbers[read] > 0, one.numbers[read], np.nan))
        factor, rows = _cloud(logs, len(read))
        if not len(rows) and len(columns) > 1:
            factor, rows = _peak(one, logs, subject)
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


def _cloud(logs: np.ndarray, rows: int) -> tuple[float, np.ndarray]:
    """A cloud of values so far from the rest that a factor alone explains it, and that has the rest's shape."""
    there = np.flatnonzero(np.isfinite(logs))
    values = logs[there]
    middle = float(np.median(values))
    best: tuple[float, float, np.ndarray] = (np.inf, 1.0, np.zeros(0, dtype=np.int64))
    for factor in FACTORS:
        for move in (np.log(factor), -np.log(factor)):
            far = np.sign(move) * (values - middle) > abs(move) / 2
            if not enough(far.sum(), rows) or far.sum() > MOST_SHARE * len(values):
                continue
            rest, cloud = values[~far], values[far]
            if abs(move) < CLEAR * float(rest.std()):
                continue
            distance = float(ks_2samp(cloud - move, rest).statistic)
            gap = np.abs(values - middle - move / 2) < 0.15 * abs(move)
            limit = 1.63 * np.sqrt(1 / len(cloud) + 1 / len(rest)) + 0.1
            if distance <= limit and gap.sum() <= 0.3 * len(cloud) and distance < best[0]:
                best = (distance, float(np.exp(move)), there[far])
    return best[1], best[2]


def _peak(one: Seen, logs: np.ndarray, subject: Subject) -> tuple[float, np.ndarray]:
    """A peak, at the logarithm of a factor, in what the other columns do not explain of the logarithm."""
    there = np.flatnonzero(np.isfinite(logs))
    residual = _unexplained(one, logs, there, subject)
    residual = residual - np.median(residual)
    deviation = float(np.median(np.abs(residual))) / 0.6745
    best, factor_found, rows_found = 0.0, 1.0, np.zeros(0, dtype=np.int64)
    for factor in FACTORS:
        for move in (np.log(factor), -np.log(factor)):
            if abs(move) < DEVIATIONS * deviation or deviation <= 0:
                continue
            width = min(2.5 * deviation, abs(move) / 4)
            peak, mirror = (np.abs(residual - place) <= width for place in (move, -move))
            sides = sum(int((np.abs(residual - move - side * 2 * width) <= width).sum()) for side in (-1, 1)) / 2
            count = int(peak.sum())
            stands = enough(count, len(there)) and count >= MIRROR * mirror.sum() and count >= SIDES * sides
            if stands and count - sides > best and count <= MOST_SHARE * len(there):
                best, factor_found, rows_found = count - sides, float(np.exp(move)), there[peak]
    return factor_found, rows_found


def _unexplained(one: Seen, logs: np.ndarray, there: np.ndarray, subject: Subject) -> np.ndarray:
    """(n,) logarithms less what trees say of them from all other columns, each row by trees that never saw it."""
    from sklearn.ensemble import ExtraTreesRegressor

    others = [
        other for other in subject.fields.values() if other.plain and other.role in ("input", "target") and other is not one
    ]
    table = np.stack([as_number(other)[there] for other in others], axis=1)
    table = np.where(np.isfinite(table), table, -1e9)
    fold = folds(len(there), FOLDS)
    predicted = np.zeros(len(there))
    for number in range(FOLDS):
        rest = np.flatnonzero(fold != number)[: HURRIED if subject.quick else MOST]
        trees = ExtraTreesRegressor(TREES, min_samples_leaf=3, max_features=1.0, random_state=0, n_jobs=1)
        predicted[fold == number] = trees.fit(table[rest], logs[there][rest]).predict(table[fold == number])
    return logs[there] - predicted
