"""A column that is the target under another name."""

import numpy as np

from thalweg.checks.against_target import AgainstTarget
from thalweg.checks.amounts import cells_with_amounts
from thalweg.checks.finding import Finding, Severity, option
from thalweg.checks.scores import rank_agreement
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

RIGHT, AGREE = 0.999, 0.9999
LEAST_INPUTS, LEAST_ROWS = 2, 100
LEFT_OUT = "it is left out as an id now; as a number it would give every answer away."


@detector("target-in-disguise", turn=3)
def target_in_disguise(subject: Subject) -> list[Finding]:
    """Columns from which the target follows row by row, where there are others to learn from."""
    against = AgainstTarget.of(subject)
    if against is None or len(subject.inputs) < LEAST_INPUTS or len(against.rows) < LEAST_ROWS:
        return []
    found = [one for one in cells_with_amounts(subject) if is_disguise(one, against)]
    if len(found) > 0.5 * len(subject.inputs):  # the problem is easy, whichever column is read
        return []
    return [_finding(one, against) for one in found if one.name not in subject.settings.keep]


def is_disguise(one: Seen, against: AgainstTarget) -> bool:
    """The column alone is right on all rows but one in a thousand, and far better than always saying the commonest class."""
    if not one.varies:
        return False
    if against.classes:
        score = against.score(one)
        return score.accuracy >= RIGHT and 1 - score.accuracy <= 0.1 * (1 - against.majority)
    rows = against.rows[np.isfinite(one.numbers[against.rows])]
    if len(rows) < 0.9 * len(against.rows) or not one.numeric:
        return False
    return abs(rank_agreement(one.numbers[rows], against.target.numbers[rows])) >= AGREE


def _finding(one: Seen, against: AgainstTarget) -> Finding:
    target = against.target.name
    what = f'"{one.name}" looks like {target} in disguise: it alone tells {target} in every row but one in a thousand'
    read = one.role == "input"
    why = "a model would read the answer off it, and know nothing where it is not there." if read else LEFT_OUT
    fix = f"{option('--ignore', one.name)}, or {option('--keep', one.name)} if you have it when predicting"
    severity: Severity = "refuse" if read else "warn"
    return Finding(severity, "TARGET_IN_DISGUISE", what, why, fix, field=one.name, concern="leak")
