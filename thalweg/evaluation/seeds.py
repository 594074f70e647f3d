"""Compare over seeds: the same training from further seeds, on the same parts, so that the verdict is about the method.

A seed that is done is not trained again, and one that was stopped goes on from its last checkpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from thalweg.core import files
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.run_folder import RunFolder
from thalweg.core.standing import Standing
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset
from thalweg.evaluation.clopper_pearson import ALPHA
from thalweg.evaluation.evaluate import evaluate
from thalweg.evaluation.figures import Unit
from thalweg.evaluation.leaving_out import error_of, value_of
from thalweg.evaluation.looks import Looks, answers_digest
from thalweg.evaluation.opponents import refitted
from thalweg.evaluation.paired import EXAMPLES, GROUPS, Difference, paired_moves, sign, too_little
from thalweg.evaluation.repeated import mean_figure, over_seeds, said_of_method
from thalweg.evaluation.retrained import Wanted, keep_judged, kept_judged, refuse_unrepeatable, train_all
from thalweg.evaluation.units import count, groups_of
from thalweg.evaluation.verdict import Contest, spoken, verdict
from thalweg.metrics._metric import Metric
from thalweg.packages.package import Package, load_package
from thalweg.tasks._task import Model
from thalweg.training.reopened import settings_of_run
from thalweg.training.settings import RunSettings

LEAST, MOST = 3, 100
CLAIM = "This speaks for this way of training on this training set: new seeds, new examples."


@dataclass(frozen=True)
class Rows:
    """What net and opponent of one seed came to on the test part: rows (n, k) of the headline."""

    seed: int
    net: Tensor
    opponent: Tensor


def compare_seeds(
    standing: Standing, package: Package, dataset: Dataset, results: Mapping[str, Any], *, seeds: int, talk: Talk
) -> dict[str, Any]:
    """The verdict on the method, as JSON values.

    Args:
        standing: the run's folder.
        package: of the run itself, which is the first of the seeds.
        results: of the run: its headline, opponent and margin hold on.
        seeds: how many in all, three at least.

    Raises:
        UsageRefusal: too few seeds, no opponent to compare with, or a training that cannot be repeated from its settings.
    """
    folder = RunFolder(standing.path)
    settings, against = settings_of_run(folder), results.get("verdict") or {}
    _refuse(folder, settings, package, against, seeds)
    chosen = next(one for one in results["baselines"] if one["name"] == against["opponent"])
    work = _Work(standing, settings, package, dataset, results["metric"]["name"], chosen, talk)
    work.train([settings.seed + place for place in range(1, seeds)])
    rows = [work.rows(settings.seed + place, f"{place + 1} of {seeds}") for place in range(seeds)]
    metric = package.task.metrics[work.headline]
    look, groups = _look(folder, dataset, work.headline, rows), groups_of(dataset, "test")
    found = judged(metric, rows, chosen, margin=against["margin"], look=look, groups=groups)
    standing.refuse_gone()
    _keep_look(folder, dataset, rows, found)
    return found


def judged(
    metric: Metric[Any],
    rows: Sequence[Rows],
    opponent: Mapping[str, Any],
    *,
    margin: float,
    look: int = 1,
    groups: Tensor | None = None,
) -> dict[str, Any]:
    """What the rows of all seeds come to.

    Args:
        look: the number of this look at the test part.
        groups: (n,) the group of each row, from 0, where whole groups are the units.

    Raises:
        UsageRefusal: the metric has no value for one of them.
    """
    nets, theirs = ([value_of(metric, rows_) for rows_ in some] for some in ([r.net for r in rows], [r.opponent for r in rows]))
    known = [(a, b) for a, b in zip(nets, theirs, strict=True) if a is not None and b is not None]
    if len(known) < len(rows):
        why = "without a value for each seed there is no mean"
        raise UsageRefusal(
            "SEEDS_UNDEFINED",
            f"the headline has no value: {metric.undefined}",
            where=f"test rows, {type(metric).__name__}",
            why=why,
            fix="give more test rows",
        )
    gaps = [sign(metric) * (a - b) for a, b in known]
    moved = [paired_moves(metric, one.net, one.opponent, groups) for one in rows]
    alpha, n = ALPHA / look, len(rows[0].net) if groups is None else count(groups)
    found = _difference(metric, rows[0].net, gaps, error_of(torch.stack(moved).mean(0)), groups=groups, alpha=alpha)
    means = [sum(values) / len(known) for values in zip(*known, strict=True)]
    title = str(opponent.get("title") or opponent["name"])
    contest = Contest(Unit.of(metric), means[0], means[1], str(opponent["name"]), spoken(str(opponent["name"]), title), margin)
    said = said_of_method(verdict(contest, found, look=look), f"over {len(rows)} seeds", CLAIM)
    single = [paired_moves(metric, one.net, None, groups) for one in rows]
    ends = over_seeds([a for a, _ in known], error_of(torch.stack(single).mean(0)), units=n, alpha=alpha)
    each = [
        {"seed": one.seed, "net": a, "opponent": b, "difference": gap}
        for one, (a, b), gap in zip(rows, known, gaps, strict=True)
    ]
    own = mean_figure(metric, means[0], ends)
    return {"metric": own, "opponent": means[1], "verdict": said, "claim": CLAIM, "seeds": each, "examples": len(rows[0].net)}


def _difference(
    metric: Metric[Any], net: Tensor, gaps: Sequence[float], error: float, *, groups: Tensor | None, alpha: float
) -> Difference:
    units, name = (len(net), EXAMPLES) if groups is None else (count(groups), GROUPS)
    low, high = over_seeds(gaps, error, units=units, alpha=alpha)
    mean = sum(gaps) / len(gaps)
    return Difference(mean, low, high, None, None, units, mean, too_little(metric, net, groups), units=name)


@dataclass
class _Work:
    """What all seeds of one comparison share."""

    standing: Standing
    settings: RunSettings
    package: Package
    dataset: Dataset
    headline: str
    opponent: Mapping[str, Any]
    talk: Talk

    def train(self, seeds: Sequence[int]) -> None:
        """Train those seeds that were not judged before."""
        left = [seed for seed in seeds if kept_judged(self._of(seed), self._stamp(seed)) is None]
        wanted = {self._of(seed): Wanted(self.settings.model_copy(update={"seed": seed}), self.dataset) for seed in left}
        train_all(wanted, of=self.standing, talk=self.talk)

    def _of(self, seed: int) -> RunFolder:
        run = RunFolder(self.standing.path)
        return run if seed == self.settings.seed else RunFolder(run.seeds / str(seed))

    def _stamp(self, seed: int) -> dict[str, Any]:
        """What rows that were judged before must agree in."""
        stamp = {"seed": seed, "headline": self.headline, "opponent": self.opponent["name"]}
        return stamp | {"setting": self.opponent.get("setting", ""), "rows": self.opponent.get("rows", 0)}

    def rows(self, seed: int, place: str) -> Rows:
        """The rows of a seed, read where they stand already."""
        folder, stamp = self._of(seed), self._stamp(seed)
        before = kept_judged(folder, stamp)
        if before is not None:
            self.talk.say("seeds", f"seed {seed} ({place}) is done already")
            return Rows(seed, before[0]["net"], before[0]["opponent"])
        self.talk.say("seeds", f"seed {seed} ({place})")
        self.standing.refuse_gone()
        package = self.package if seed == self.settings.seed else load_package(folder.model)
        task, at = package.task, Position(self.settings.seed)
        models: dict[str, Model] = {
            "net": package.model,
            "opponent": refitted(task, self.dataset, self.headline, self.opponent, seed=seed),
        }
        found = {name: evaluate(task, model, self.dataset, at=at).rows[self.headline] for name, model in models.items()}
        keep_judged(folder, found, stamp)
        return Rows(seed, found["net"], found["opponent"])


def _look(folder: RunFolder, dataset: Dataset, headline: str, rows: Sequence[Rows]) -> int:
    """Which look at this test part speaks for the method: all seeds are one, and the run's own look belongs to it."""
    looks = Looks.at(dataset, "test", by=str(folder.path.absolute()))
    digest = answers_digest(headline, [one.net for one in rows])
    own, others = looks.number(digest, own_too=False), _own_looks(folder, digest)
    return own + others


def _own_looks(folder: RunFolder, digest: str) -> int:
    """How many other choices of seeds this run was looked at with before."""
    lines = files.read_lines(folder.looks, where="looks.jsonl") if folder.looks.is_file() else []
    known = [one.get("digest") for one in lines]
    return known.index(digest) if digest in known else len(known)


def _keep_look(folder: RunFolder, dataset: Dataset, rows: Sequence[Rows], found: Mapping[str, Any]) -> None:
    looks, headline = Looks.at(dataset, "test", by=str(folder.path.absolute())), found["metric"]["name"]
    digest = answers_digest(headline, [one.net for one in rows])
    facts = {"metric": headline, "value": found["metric"]["value"], "word": found["verdict"]["word"]}
    line = looks.keep(digest, **facts, seeds=[one.seed for one in rows])
    lines = files.read_lines(folder.looks, where="looks.jsonl") if folder.looks.is_file() else []
    if digest not in [one.get("digest") for one in lines]:
        files.append_line(folder.looks, line)


def _refuse(folder: RunFolder, settings: RunSettings, package: Package, against: Mapping[str, Any], seeds: int) -> None:
    """Raise where there is nothing to compare over seeds."""
    where = str(folder.path)
    if not LEAST <= seeds <= MOST:
        why = "how much training varies cannot be told from fewer than three"
        raise UsageRefusal(
            "SEEDS_FEW", f"{seeds} seeds cannot be compared", where="--seeds", why=why, fix=f"give {LEAST} to {MOST}: --seeds 5"
        )
    if not against.get("opponent"):
        why = "the verdict compares with the baseline that was the best on validation"
        fix = "train again with the comparison"
        raise UsageRefusal("SEEDS_NO_OPPONENT", "this run has no verdict", where=where, why=why, fix=fix)
    refuse_unrepeatable(package, settings, code="SEEDS", where=where)
