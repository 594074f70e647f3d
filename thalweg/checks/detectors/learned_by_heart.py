"""A nearly unique text, such as a name, as what there is to learn from: it is learned by heart and says nothing of new rows."""

import numpy as np

from thalweg.checks.against_target import AgainstTarget
from thalweg.checks.evidence_table import FEW_CELLS
from thalweg.checks.finding import Finding, option, shares
from thalweg.checks.judges import probabilities
from thalweg.checks.scores import mean_area
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.checks.words import words_of
from thalweg.core import registry
from thalweg.core.registry import detector

DISTINCT, WORDS = 0.9, 5
"""Least share of rows with a text of their own, and the words that names and titles have at most, as a rule."""
TELLS = 0.6
"""Area under the curve on rows that were not seen from which on the words tell something."""
LEAST_ROWS, MOST_ROWS, HURRIED_ROWS = 100, 10_000, 2_000


@detector("learned-by-heart", turn=3)
def learned_by_heart(subject: Subject) -> list[Finding]:
    """Names that tell nothing of the target in rows that a model has not seen, where hardly anything stands beside them."""
    against = AgainstTarget.of(subject)
    if against is None or len(against.rows) < LEAST_ROWS or len(subject.inputs) > FEW_CELLS:
        return []
    named = [one for one in subject.prose if one.name not in subject.settings.keep and _names_rows(one)]
    areas = [(one, _area(one, against)) for one in named]
    return [_finding(one, area, against) for one, area in areas if area is not None and area < TELLS]


def _names_rows(one: Seen) -> bool:
    there = int((~one.missing).sum())
    sample = [len(words_of(str(value))) for value in one.values[:1000]]
    return there > 0 and one.distinct >= DISTINCT * there and float(np.median(sample)) <= WORDS


def _area(one: Seen, against: AgainstTarget) -> float | None:
    """How well the words and letters tell the target, out of fold; of a number, its half. None where there is too little."""
    rows = against.subject.sample(against.rows, most=MOST_ROWS, hurried=HURRIED_ROWS, what="names that tell nothing")
    rows, table = registry.load("clues", str(one.kind))(against.subject, one, rows)
    truth = against.truth(rows)
    codes = truth if against.classes else (truth > np.median(truth)).astype(np.int64)
    if len(rows) < LEAST_ROWS or len(np.unique(codes)) < 2:
        return None
    judge = registry.facts("clues", str(one.kind))["judges"][0]
    return mean_area(probabilities(judge, table, codes), codes)


def _finding(one: Seen, area: float, against: AgainstTarget) -> Finding:
    alone = len(against.subject.inputs) == 1
    what = (
        f'"{one.name}" is another text in {shares(one.distinct, len(one))} of the rows and tells nothing of '
        f"{against.target.name} in rows that were not seen (AUC {area:.2f})"
    )
    why = "a model learns such a column by heart: it knows the training rows and guesses new ones."
    fix = f"add columns that say more, and {option('--ignore', one.name)}" if alone else option("--ignore", one.name)
    return Finding("warn" if alone else "note", "LEARNED_BY_HEART", what, why, fix, field=one.name)
