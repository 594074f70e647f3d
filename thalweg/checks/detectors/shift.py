"""Parts of a given split, or new data, that differ from training."""

import numpy as np
import scipy

from thalweg.checks.evidence_table import read
from thalweg.checks.finding import Finding
from thalweg.checks.identity import is_identifier
from thalweg.checks.judges import probabilities
from thalweg.checks.scores import area_under_curve
from thalweg.checks.seen import Seen
from thalweg.checks.subject import TEST, TRAIN, Subject
from thalweg.core import registry
from thalweg.core.registry import detector
from thalweg.data.dataset import PARTS

LEAST, UNLIKELY = 0.10, 0.01
AREA, DEVIATIONS = 0.60, 4.0
LEAST_ROWS = 20


@detector("shift", turn=4)
def shift(subject: Subject) -> list[Finding]:
    """Columns whose values lie otherwise, and inputs by which a quick model tells the parts apart."""
    if not subject.split:
        return []
    judged = TEST if (subject.part == TEST).any() else int(subject.part.max())
    one, other = subject.part == TRAIN, subject.part == judged
    if min(one.sum(), other.sum()) < LEAST_ROWS:
        return []
    rows = subject.sample(np.flatnonzero(one | other), most=8_000, hurried=1_500, what="differences between parts")
    cells = [*subject.short_cells, *([subject.target] if subject.target else [])]
    columns = [*(seen for seen in cells if not is_identifier(seen)), *_measures(subject, rows)]
    moved = [(distance, seen.name) for seen in columns if (distance := _moved(seen, one, other, len(columns))) > 0]
    area = _together(subject, rows, other)
    if not moved and area is None:
        return []
    told = "; ".join(f'"{name}" by {distance:.2f}' for distance, name in sorted(moved, reverse=True)[:5])
    said = [
        f"{told} (largest difference of shares)" if told else "",
        f"a quick model tells them apart with AUC {area:.2f}" if area is not None else "",
    ]
    what = (
        f"{'new data differ' if subject.old else PARTS[judged] + ' differs'} from training: {', and '.join(filter(None, said))}"
    )
    why = "a score there says little of training's kind of rows, and the reverse."
    names = [name for _, name in sorted(moved, reverse=True)]
    return [
        Finding("warn", "SHIFT", what, why, "look how the rows were chosen, or cut a split at random", (), ", ".join(names[:5]))
    ]


def _moved(seen: Seen, one: np.ndarray, other: np.ndarray, columns: int) -> float:
    """The largest difference between the shares of the two, where it is more than chance; else 0."""
    if seen.numeric and seen.distinct > 10:
        first, second = (seen.numbers[rows & np.isfinite(seen.numbers)] for rows in (one, other))
        if min(len(first), len(second)) < LEAST_ROWS:
            return 0.0
        shape = scipy.stats.ks_2samp(first, second, method="asymp")
        place = scipy.stats.mannwhitneyu(first, second, method="asymptotic")  # surer of a few rows that are all moved one way
        distance, chance = float(shape.statistic), 2 * min(float(shape.pvalue), float(place.pvalue))
    else:
        counts = np.stack([np.bincount(seen.codes[rows] + 1, minlength=seen.distinct + 1) for rows in (one, other)]).astype(
            float
        )
        counts = counts[:, counts.sum(axis=0) > 0]
        if counts.shape[1] < 2:
            return 0.0
        distance = float(0.5 * np.abs(counts[0] / counts[0].sum() - counts[1] / counts[1].sum()).sum())
        rare = counts.sum(axis=0) < 10
        pooled = np.concatenate([counts[:, ~rare], counts[:, rare].sum(axis=1, keepdims=True)], axis=1)
        pooled = pooled[:, pooled.sum(axis=0) > 0]
        chance = float(scipy.stats.chi2_contingency(pooled).pvalue) if pooled.shape[1] > 1 else 1.0
    return distance if distance >= LEAST and chance < UNLIKELY / columns else 0.0


def _measures(subject: Subject, rows: np.ndarray) -> list[Seen]:
    """What is measured of inputs that are no plain cells, such as how bright pictures are, as columns with gaps elsewhere."""
    found = []
    known = registry.names("measures")
    for seen in (one for one in subject.inputs if one.kind in known):
        kept, measured = registry.load("measures", str(seen.kind))(subject, seen, rows)
        for name, values in measured.items():
            column = np.full(len(subject), np.nan)
            column[kept] = values
            found.append(Seen(f"{name} of {seen.name}", column, "number", "input"))
    return found


def _together(subject: Subject, rows: np.ndarray, other: np.ndarray) -> float | None:
    """The area under the curve by which a quick model tells the two apart, where it is more than chance.

    Args:
        rows: those that are looked at.
        other: (N,) bool: those of the part that is judged.
    """
    seen = read(subject, rows)
    if seen is None:
        return None
    side = other[seen.rows]
    count, rest = int(side.sum()), int((~side).sum())
    if min(count, rest) < LEAST_ROWS:
        return None
    area = area_under_curve(probabilities(seen.judges[0], seen.table, side.astype(np.int64))[:, 1], side)
    deviation = np.sqrt((count + rest + 1) / (12 * count * rest))
    return area if area >= AREA and (area - 0.5) / deviation > DEVIATIONS else None
