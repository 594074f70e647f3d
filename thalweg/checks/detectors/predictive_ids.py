"""An id or row number that predicts the target."""

import numpy as np

from thalweg.checks.against_target import AgainstTarget
from thalweg.checks.finding import Finding, option
from thalweg.checks.identity import is_identifier, order_of
from thalweg.checks.single_column import Score, quantiles
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

AREA, VARIANCE = 0.6, 0.1
LEAST_ROWS = 100


@detector("predictive-ids", turn=3)
def predictive_ids(subject: Subject) -> list[Finding]:
    """Ids whose order alone tells the target better than chance."""
    against = AgainstTarget.of(subject)
    if against is None or len(against.rows) < LEAST_ROWS:
        return []
    found = []
    for one in subject.candidates:
        if one.role == "time" or not is_identifier(one):
            continue
        score = _score(order_of(one), against).area
        if score > (AREA if against.classes else VARIANCE):
            measure = "AUC" if against.classes else "R²"
            what = f'"{one.name}" looks like an id and predicts {against.target.name} with {measure} {score:.2f}'
            why = "the order of rows tells the answer, which new rows will not have; " + (
                "it is no input." if one.role == "id" else ""
            )
            fix = "" if one.role == "id" else option("--ignore", one.name)
            found.append(
                Finding(
                    "warn",
                    "ID_PREDICTS",
                    what,
                    why.rstrip("; ") + ("" if one.role == "id" else "."),
                    fix,
                    field=one.name,
                    concern="" if one.role == "id" else "leak",
                )
            )
    return found


def _score(order: np.ndarray, against: AgainstTarget) -> Score:
    known = order[against.rows]
    return against.score_of(quantiles(known)) if np.isfinite(known).sum() >= LEAST_ROWS else Score(0.0, 0.0)
