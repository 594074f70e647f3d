"""A column that gives the target away, if not in every row."""

from thalweg.checks.against_target import AgainstTarget
from thalweg.checks.detectors.target_in_disguise import is_disguise
from thalweg.checks.finding import Finding, option
from thalweg.checks.identity import is_identifier
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

AREA, VARIANCE = 0.90, 0.85
OF_OTHERS, OF_SECOND = 0.7, 0.5
"""What it leaves unexplained, of what all others together leave, or of what the next best column leaves."""
REPEATED = 4
LEAST_ROWS = 100


@detector("gives-it-away", turn=3)
def gives_it_away(subject: Subject) -> list[Finding]:
    """The best column alone, where it is better than all others together; then again without it."""
    against = AgainstTarget.of(subject)
    if against is None or len(against.rows) < LEAST_ROWS or len(subject.inputs) < 2:
        return []
    columns = [one for one in subject.short_cells if not is_identifier(one) and len(one.levels) > 1]
    scored = sorted(((against.score(one).area, i) for i, one in enumerate(columns)), reverse=True)
    scored = [(score, i) for score, i in scored if not is_disguise(columns[i], against)]
    found: list[Finding] = []
    while scored and len(found) < REPEATED and scored[0][0] >= (AREA if against.classes else VARIANCE):
        (best, place), *rest = scored
        second = rest[0][0] if rest else 0.5
        others = against.together([columns[i] for _, i in rest], most=3_000 if subject.quick else 10_000)
        if 1 - best > OF_OTHERS * (1 - others) and 1 - best > OF_SECOND * (1 - second):
            break
        if columns[place].name not in subject.settings.keep:
            found.append(_finding(columns[place], against, best, others))
        scored = rest
    return found


def _finding(one: Seen, against: AgainstTarget, best: float, others: float) -> Finding:
    measure = "AUC" if against.classes else "R²"
    what = (
        f'"{one.name}" alone predicts {against.target.name} with {measure} {best:.2f}; all other columns together {others:.2f}'
    )
    why = "if it is known only after the outcome, the score would flatter; if you have it when predicting, it is a good column."
    return Finding(
        "warn", "GIVES_IT_AWAY", what, why, f"{option('--ignore', one.name)}, or {option('--keep', one.name)}", (), one.name
    )
