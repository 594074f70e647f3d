"""Compare: the net beside a trivial baseline and classical models on the same rows, with one verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from thalweg.core.position import Position
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset
from thalweg.evaluation.clopper_pearson import ALPHA
from thalweg.evaluation.evaluate import Evaluation, evaluate, figure
from thalweg.evaluation.figures import Unit
from thalweg.evaluation.looks import Looks, answers_digest
from thalweg.evaluation.margin import margin_of
from thalweg.evaluation.opponents import Opponent, opponents
from thalweg.evaluation.paired import Difference, difference, sign
from thalweg.evaluation.verdict import UNKNOWN, Contest, Verdict, spoken, verdict, word_of
from thalweg.tasks._task import Model, Task

BUDGET = 10.0
"""Seconds for the baselines where nothing else is said."""
CLAIM = "This speaks for this model, on examples like those of its test part; not for its way of training."


@dataclass(frozen=True)
class Rival:
    """An opponent as the test part judged it, beside the net.

    Attributes:
        word: what its difference from the net comes to, the number of such claims taken into account (Holm 1979).
    """

    opponent: Opponent
    evaluation: Evaluation
    difference: Difference | None
    word: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The net, its rivals and the verdict.

    Attributes:
        net: the net's evaluation on the test part.
        rivals: the best value first.
        notes: sentences on baselines that are missing or were fitted on fewer rows.
    """

    net: Evaluation
    rivals: list[Rival]
    verdict: Verdict
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Metric, metrics, baselines and verdict as JSON values."""
        judged = self.verdict.word is not None
        facts = {"verdict": self.verdict.as_json() if judged else None, "verdict_reason": "" if judged else self.verdict.reason}
        told = {"baselines": [_rival_as_json(one) for one in self.rivals], "notes": self.notes, "claim": CLAIM}
        return self.net.as_json() | told | facts


def compare(
    task: Task,
    model: nn.Module | Model,
    dataset: Dataset,
    *,
    seed: int = 0,
    budget: float | None = None,
    margin: str | None = None,
    looks: Looks | None = None,
    talk: Talk | None = None,
) -> Comparison:
    """The net against baselines that are fitted here, and a verdict on the one that is best on validation.

    Args:
        budget: seconds for fitting baselines.
        margin: difference that counts as none: "0.02", or "2%" of the opponent's value.
        looks: those at the test part so far; this one is counted among them. None: it is the first.

    Raises:
        UsageRefusal: the margin is no number.
    """
    net = evaluate(task, model, dataset, at=Position(seed))
    return compare_evaluated(task, net, dataset, seed=seed, budget=budget, margin=margin, looks=looks, talk=talk)


def compare_evaluated(
    task: Task,
    net: Evaluation,
    dataset: Dataset,
    *,
    seed: int = 0,
    budget: float | None = None,
    margin: str | None = None,
    looks: Looks | None = None,
    talk: Talk | None = None,
) -> Comparison:
    """The same, of a net whose evaluation on the test part is at hand.

    The opponent and the margin are fixed before the test part is read by any baseline.
    """
    at = Position(seed)
    field_ = opponents(task, dataset, headline=net.headline, seed=seed, budget=budget or BUDGET, talk=talk or Talk())
    metric = task.metrics[net.headline]
    chosen = field_.best(sign(metric))
    if chosen is None:
        margin_of(metric, 0.0, margin)
        reason = "; ".join(field_.notes) or "this task has no baseline"
        return Comparison(net, [], Verdict(None, "", reason=reason), field_.notes)
    width = margin_of(metric, chosen.promise, margin)
    digest = answers_digest(net.headline, [net.rows[net.headline]])
    look = looks.number(digest) if looks is not None else 1
    rivals = [_rival(one, task, dataset, net, at=at, look=look) for one in field_.opponents]
    judged = concluded(net, rivals, chosen, margin=width, look=look, notes=field_.notes)
    if looks is not None:
        looks.keep(digest, metric=net.headline, value=net.value, word=judged.verdict.word)
    return judged


def _rival(one: Opponent, task: Task, dataset: Dataset, net: Evaluation, *, at: Position, look: int) -> Rival:
    judged = evaluate(task, one.model, dataset, part=net.part, at=at)
    name = net.headline
    ours, theirs = net.rows[name], judged.rows[name]
    return Rival(one, judged, difference(task.metrics[name], ours, theirs, groups=net.groups, alpha=ALPHA / look))


def concluded(
    net: Evaluation,
    rivals: Sequence[Rival],
    chosen: Opponent,
    *,
    margin: float,
    look: int,
    notes: list[str],
    ours: str = "the net",
) -> Comparison:
    """The verdict of a model whose rivals were judged, and a word for each of these.

    Args:
        chosen: the opponent of the verdict, fixed before the test part was read.
        ours: what the model is called.
    """
    metric = net.metrics[net.headline]
    main = next(one for one in rivals if one.opponent is chosen)
    others = holm(net, [one for one in rivals if one is not main], margin=margin, look=look)
    value, theirs = net.value, main.evaluation.estimates[net.headline].value
    if main.difference is None or value is None or theirs is None:
        result = Verdict(None, "", reason=f"{net.headline} has no value on the test part: {metric.undefined}")
    else:
        how = f"the best on {chosen.basis}" if len(rivals) > 1 else ""
        title = spoken(chosen.name, chosen.title)
        beside = _by_a_robust_metric(net, main.evaluation, ours, title)
        contest = Contest(Unit.of(metric), value, theirs, chosen.name, title, margin, how, ours, robust=beside)
        result = verdict(contest, main.difference, look=look)
    named = Rival(main.opponent, main.evaluation, main.difference, result.word)
    ranked = sorted([named, *others], key=lambda one: _rank(one, net), reverse=True)
    return Comparison(net, ranked, result, notes)


def _by_a_robust_metric(net: Evaluation, opponent: Evaluation, ours: str, title: str) -> str:
    """Both by the metric that the headline names as moved less by single examples; empty where there is none."""
    name = net.metrics[net.headline].declaration.facts.get("robust", "")  # type: ignore[attr-defined]
    one, other = (some.estimates.get(name) for some in (net, opponent))
    if one is None or other is None or one.value is None or other.value is None or one.low is None or one.high is None:
        return ""
    unit, half = Unit.of(net.metrics[name]), (one.high - one.low) / 2
    return f"the {unit.title} of {ours} is {unit.value(one.value, half)}, that of {title} {unit.value(other.value, half)}"


def _rank(rival: Rival, net: Evaluation) -> float:
    value = rival.evaluation.estimates[net.headline].value
    return sign(net.metrics[net.headline]) * value if value is not None else float("-inf")


def holm(net: Evaluation, rivals: list[Rival], *, margin: float, look: int = 1) -> list[Rival]:
    """A word for each of K further opponents: levels α/K, α/(K − 1), ... from the clearest difference on, until one holds 0."""
    metric, ours = net.metrics[net.headline], net.rows.get(net.headline)
    clear = sorted(
        (one for one in rivals if one.difference is not None), key=lambda one: _clearness(one.difference), reverse=True
    )
    level, stopped, judged = len(clear), False, [one for one in rivals if one.difference is None]
    for one in clear:
        assert ours is not None, "a difference has rows"
        theirs, alpha = one.evaluation.rows[net.headline], ALPHA / (level * look)
        wide = difference(metric, ours, theirs, groups=net.groups, alpha=alpha)
        assert wide is not None, "a difference at one level is one at all"
        stopped = stopped or wide.low <= 0 <= wide.high
        level -= 0 if stopped else 1
        word = UNKNOWN if wide.reason else word_of(wide.low, wide.high, margin)
        judged.append(Rival(one.opponent, one.evaluation, one.difference, word))
    return judged


def _clearness(found: Difference | None) -> float:
    assert found is not None, "only what has a difference is ranked"
    return abs(found.centre) / found.half if found.half > 0 else 0.0


def _rival_as_json(rival: Rival) -> dict[str, Any]:
    one, found = rival.opponent, rival.difference
    return {
        "name": one.name,
        **figure(rival.evaluation.estimates[rival.evaluation.headline]),
        "p": found.p if found else None,
        "word": rival.word,
        "title": one.title,
        "difference": found.value if found else None,
        "setting": one.setting,
        "fits": one.fits,
        "folds": one.folds,
        "rows": one.rows,
        "of_rows": one.whole,
        "seconds": round(one.seconds, 3),
    }
