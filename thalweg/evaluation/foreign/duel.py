"""Two models of any make on the same examples: the difference with its interval, the word, and what it speaks for."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.evaluation.clopper_pearson import ALPHA
from thalweg.evaluation.evaluate import Evaluation, figure
from thalweg.evaluation.figures import Unit
from thalweg.evaluation.foreign.examples import Judged, Said
from thalweg.evaluation.foreign.judge import Judgement, judge
from thalweg.evaluation.looks import Looks, answers_digest
from thalweg.evaluation.margin import margin_of
from thalweg.evaluation.paired import difference
from thalweg.evaluation.subgroups import subgroups
from thalweg.evaluation.verdict import Contest, Verdict, verdict
from thalweg.packages.package import Package


def judged(model: Any, examples: Judged, said: Said, *, by: Any = None) -> dict[str, Any]:  # noqa: ANN401 - any model
    """The metrics of one model with their intervals, as JSON values.

    Args:
        by: the column, or a value for each example, whose values make subgroups.
    """
    (found,), _ = judge([model], examples, said)
    facts = found.evaluation.as_json() | {"model": found.name, "notes": list(found.notes)}
    if by is None:
        return facts
    name = by if isinstance(by, str) else str(getattr(by, "name", None) or "the values given")
    return facts | {"by": subgroups(found.evaluation, examples.column(by), name)}


def duel(models: Sequence[Any], examples: Judged, said: Said, *, margin: str | None, looks: Looks) -> dict[str, Any]:
    """Two models compared, as JSON values: those of `compare` of a run, the second model as the only opponent.

    Args:
        margin: difference that counts as none; by default that of a run, from the second model's value on these examples,
            since there is no validation part that both have.
        looks: those at these examples so far.
    """
    (first, second), _ = judge(models, examples, said)
    ours, theirs = first.evaluation, second.evaluation
    name = ours.headline
    metric = ours.metrics[name]
    width = margin_of(metric, theirs.estimates[name].value, margin)
    digest = answers_digest(name, [ours.rows[name], theirs.rows[name]])
    look = looks.number(digest)
    found = difference(metric, ours.rows[name], theirs.rows[name], groups=ours.groups, alpha=ALPHA / look)
    value, other = ours.value, theirs.estimates[name].value
    if found is None or value is None or other is None:
        result = Verdict(None, "", reason=f"{name} has no value on these examples: {metric.undefined}")
    else:
        simpler = isinstance(models[1], Package) and models[1].form == "baseline"
        contest = Contest(Unit.of(metric), value, other, second.name, second.name, width, ours=first.name, simpler=simpler)
        result = verdict(contest, found, look=look)
    looks.keep(digest, metric=name, value=value, word=result.word)
    return _told(first, second, result, p=found.p if found else None, gap=found.value if found else None)


def _told(first: Judgement, second: Judgement, result: Verdict, *, p: float | None, gap: float | None) -> dict[str, Any]:
    facts: dict[str, Any] = first.evaluation.as_json() | {"model": first.name, "notes": [*first.notes, *second.notes]}
    theirs: Mapping[str, Any] = _figures(second.evaluation)
    facts["baselines"] = [
        {"name": second.name, **theirs["metric"], "p": p, "word": result.word, "title": second.name, "difference": gap}
        | {"metrics": theirs["metrics"], "rows": 0, "of_rows": 0}
    ]
    judged_ = result.word is not None
    facts |= {"verdict": result.as_json() if judged_ else None, "verdict_reason": "" if judged_ else result.reason}
    groups = f" in {facts['groups']:,} groups" if "groups" in facts else ""
    facts["claim"] = (
        f"This speaks for these two models as they are, on examples like these {facts['examples']:,}{groups}; "
        "not for the ways in which they were made."
    )
    return facts


def _figures(found: Evaluation) -> dict[str, Any]:
    every = {name: figure(one) for name, one in found.estimates.items()}
    return {"metric": every[found.headline], "metrics": every}
