"""A column that gives the target away, if not in every row."""

from collections.abc import Sequence

from thalweg.checks.against_target import AgainstTarget
from thalweg.checks.amounts import cells_with_amounts
from thalweg.checks.detectors.target_in_disguise import is_disguise
from thalweg.checks.finding import Finding, option
from thalweg.checks.identity import is_identifier
from thalweg.checks.one_way import OneWay, one_way
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.checks.times import moments_of
from thalweg.core.registry import detector

AREA, VARIANCE = 0.90, 0.85
OF_OTHERS, OF_SECOND = 0.7, 0.5
"""What it leaves unexplained, of what all others together leave, or of what the next best column leaves."""
OF_OTHERS_PAIR, PAIR_ROWS = 0.5, 500
"""The same of two columns that hide each other, which is looked for among so many rows and more."""
SURE = 0.8
"""How sure all others may be, on average, where one value of a column tells the class for certain."""
REPEATED = 4
LEAST_ROWS = 100


@detector("gives-it-away", turn=3)
def gives_it_away(subject: Subject) -> list[Finding]:
    """The best column alone, where it is better than all others together; then again without it; then single values.

    Times and ids do not count, but where they are missing does.
    """
    against = AgainstTarget.of(subject)
    if against is None or len(against.rows) < LEAST_ROWS or len(subject.inputs) < 2:
        return []
    short = {one.name for one in subject.short_cells}
    cells = [one for one in cells_with_amounts(subject) if one.varies]
    columns = [one for one in cells if one.name in short or one.numeric]
    columns = [one for one in columns if not is_identifier(one) and moments_of(one) is None]
    scored = sorted(((against.score(one).area, i) for i, one in enumerate(columns)), reverse=True)
    scored = [(score, i) for score, i in scored if not is_disguise(columns[i], against)]
    found: list[Finding] = []
    level = AREA if against.classes else VARIANCE
    while scored and len(found) < REPEATED and scored[0][0] >= level:
        told, others = _leaders(scored, level, columns, against)
        if not told:
            break
        kept = subject.settings.keep
        found += [_finding(columns[i], against, score, others) for score, i in told if columns[i].name not in kept]
        scored = scored[len(told) :]
    named = {one.field for one in found}
    return found + _single_values([one for one in cells if one.name not in named], columns, against)


def _leaders(
    scored: list[tuple[float, int]], level: float, columns: list[Seen], against: AgainstTarget
) -> tuple[list[tuple[float, int]], float]:
    """The best column if all others leave far more unexplained, or two that hid each other; and what the others reach."""
    most = 3_000 if against.subject.quick else 10_000
    (best, _), *rest = scored
    second = rest[0][0] if rest else 0.5
    others = against.together([columns[i] for _, i in rest], most=most)
    if 1 - best <= OF_OTHERS * (1 - others) or 1 - best <= OF_SECOND * (1 - second):
        return scored[:1], others
    if second < level or len(rest) < 2 or len(against.rows) < PAIR_ROWS:
        return [], others
    others = against.together([columns[i] for _, i in rest[1:]], most=most)
    return (scored[:2] if 1 - second <= OF_OTHERS_PAIR * (1 - others) else []), others


def _single_values(cells: Sequence[Seen], columns: Sequence[Seen], against: AgainstTarget) -> list[Finding]:
    """Cells that tell little on the whole, but one class for certain where they have a value, as the columns do not."""
    if not against.classes:
        return []
    most = 3_000 if against.subject.quick else 10_000
    found = []
    for one in cells:
        exact = one_way(one, against)
        if exact is None or one.name in against.subject.settings.keep or is_disguise(one, against):
            continue
        others = against.surety(
            [other for other in columns if other is not one], against.rows[exact.rows], exact.code, most=most
        )
        if others <= SURE:
            what = f"{_exactly(one, exact, against)}; all other columns together are {others:.0%} sure there".replace("%", " %")
            found.append(_warning(one, what, "GIVES_CLASS_AWAY"))
    return found


def _exactly(one: Seen, exact: OneWay, against: AgainstTarget) -> str:
    """`all 97 rows in which "refund" is not "0" are cancelled "yes"`."""
    target = against.target
    return f'all {len(exact.rows):,} rows in which "{one.name}" {exact.says} have {target.name} "{target.said(exact.code)}"'


def _finding(one: Seen, against: AgainstTarget, best: float, others: float) -> Finding:
    measure = "AUC" if against.classes else "R²"
    what = (
        f'"{one.name}" alone predicts {against.target.name} with {measure} {best:.2f}; all other columns together {others:.2f}'
    )
    exact = one_way(one, against) if against.classes else None
    return _warning(one, what + (f"; {_exactly(one, exact, against)}" if exact else ""), "GIVES_IT_AWAY")


def _warning(one: Seen, what: str, code: str) -> Finding:
    why = "if it is known only after the outcome, the score would flatter; if you have it when predicting, it is a good column."
    fix = f"{option('--ignore', one.name)}, or {option('--keep', one.name)}"
    return Finding("warn", code, what, why, fix, field=one.name, concern="leak")
