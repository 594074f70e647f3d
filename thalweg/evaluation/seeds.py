"""Compare over seeds: the same training from further seeds, on the same parts, so that the verdict is about the method.

A seed that is done is not trained again, and one that was stopped goes on from its last checkpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from thalweg.core import files, registry
from thalweg.core.errors import Refusal, UsageRefusal
from thalweg.core.manifest import open_folder
from thalweg.core.position import Position
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.core.tensors import tensors_to_bytes
from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.evaluation._baseline import Fitted
from thalweg.evaluation.clopper_pearson import ALPHA
from thalweg.evaluation.evaluate import BATCH, evaluate
from thalweg.evaluation.features import reader
from thalweg.evaluation.figures import Unit
from thalweg.evaluation.leaving_out import error_of, form, value_of
from thalweg.evaluation.looks import Looks, answers_digest
from thalweg.evaluation.one_metric import possible
from thalweg.evaluation.opponents import Chooser, Training, sharpened
from thalweg.evaluation.paired import EXAMPLES, GROUPS, Difference, paired_moves, sign, too_little
from thalweg.evaluation.repeated import over_seeds
from thalweg.evaluation.units import count, groups_of
from thalweg.evaluation.verdict import TRIVIAL, Contest, Verdict, spoken, verdict
from thalweg.metrics._metric import Metric
from thalweg.packages.package import Package, load_package
from thalweg.tasks._task import Model, Task
from thalweg.training.fit import fit
from thalweg.training.reopened import settings_of_run
from thalweg.training.settings import RunSettings

LEAST, MOST = 3, 100
SHARES = ("proportion", "f1", "classes", "counts", "precision", "ranking")
"""Forms of interval of metrics that are never below 0."""
FORMAT, VERSION = "thalweg.judged", 1
ROWS = "rows.safetensors"
CLAIM = "This speaks for this way of training on this training set: new seeds, new examples."


@dataclass(frozen=True)
class Rows:
    """What net and opponent of one seed came to on the test part: rows (n, k) of the headline."""

    seed: int
    net: Tensor
    opponent: Tensor


def compare_seeds(
    folder: RunFolder, package: Package, dataset: Dataset, results: Mapping[str, Any], *, seeds: int, talk: Talk
) -> dict[str, Any]:
    """The verdict on the method, as JSON values.

    Args:
        package: of the run itself, which is the first of the seeds.
        results: of the run: its headline, opponent and margin hold on.
        seeds: how many in all, three at least.

    Raises:
        UsageRefusal: too few seeds, no opponent to compare with, or a training that cannot be repeated from its settings.
    """
    settings, against = settings_of_run(folder), results.get("verdict") or {}
    _refuse(folder, settings, package, against, seeds)
    chosen = next(one for one in results["baselines"] if one["name"] == against["opponent"])
    work = _Work(folder, settings, package, dataset, results["metric"]["name"], chosen, talk)
    rows = [work.rows(settings.seed + place, f"{place + 1} of {seeds}") for place in range(seeds)]
    metric = package.task.metrics[work.headline]
    look, groups = _look(folder, dataset, work.headline, rows), groups_of(dataset, "test")
    found = judged(metric, rows, chosen, margin=against["margin"], look=look, groups=groups)
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
            "SEEDS_UNDEFINED", f"the headline has no value: {metric.undefined}", why=why, fix="give more test rows"
        )
    gaps = [sign(metric) * (a - b) for a, b in known]
    moved = [paired_moves(metric, one.net, one.opponent, groups) for one in rows]
    alpha, n = ALPHA / look, len(rows[0].net) if groups is None else count(groups)
    found = _difference(metric, rows[0].net, gaps, error_of(torch.stack(moved).mean(0)), groups=groups, alpha=alpha)
    means = [sum(values) / len(known) for values in zip(*known, strict=True)]
    title = str(opponent.get("title") or opponent["name"])
    contest = Contest(Unit.of(metric), means[0], means[1], str(opponent["name"]), spoken(str(opponent["name"]), title), margin)
    said = _of_method(verdict(contest, found, look=look), len(rows))
    single = [paired_moves(metric, one.net, None, groups) for one in rows]
    ends = over_seeds([a for a, _ in known], error_of(torch.stack(single).mean(0)), units=n, alpha=alpha)
    each = [
        {"seed": one.seed, "net": a, "opponent": b, "difference": gap}
        for one, (a, b), gap in zip(rows, known, gaps, strict=True)
    ]
    name = metric.declaration.name  # type: ignore[attr-defined]
    low, high = possible(metric, means[0], ends)
    low = max(low, 0.0) if form(metric) in SHARES else low
    own = {"name": name, "value": means[0], "low": low, "high": high}
    return {"metric": own, "opponent": means[1], "verdict": said, "claim": CLAIM, "seeds": each, "examples": len(rows[0].net)}


def _difference(
    metric: Metric[Any], net: Tensor, gaps: Sequence[float], error: float, *, groups: Tensor | None, alpha: float
) -> Difference:
    units, name = (len(net), EXAMPLES) if groups is None else (count(groups), GROUPS)
    low, high = over_seeds(gaps, error, units=units, alpha=alpha)
    mean = sum(gaps) / len(gaps)
    return Difference(mean, low, high, None, None, units, mean, too_little(metric, net, groups), units=name)


def _of_method(found: Verdict, seeds: int) -> dict[str, Any]:
    word, colon, rest = found.sentence.partition(": ")
    return found.as_json() | {"sentence": f"{word}{colon}over {seeds} seeds, {rest} {CLAIM}"}


@dataclass
class _Work:
    """What all seeds of one comparison share."""

    folder: RunFolder
    settings: RunSettings
    package: Package
    dataset: Dataset
    headline: str
    opponent: Mapping[str, Any]
    talk: Talk

    def rows(self, seed: int, place: str) -> Rows:
        """The rows of a seed, read where they stand already."""
        own = seed == self.settings.seed
        folder = self.folder if own else RunFolder(self.folder.seeds / str(seed))
        stamp = {"seed": seed, "headline": self.headline, "opponent": self.opponent["name"]}
        stamp |= {"setting": self.opponent.get("setting", ""), "rows": self.opponent.get("rows", 0)}
        before = _read(folder, stamp)
        if before is not None:
            self.talk.say("seeds", f"seed {seed} ({place}) is done already")
            return Rows(seed, before["net"], before["opponent"])
        self.talk.say("seeds", f"seed {seed} ({place})")
        package = self.package if own else self._trained(folder, seed)
        task, at = package.task, Position(self.settings.seed)
        models: dict[str, Model] = {"net": package.model, "opponent": self._refitted(task, seed)}
        found = {
            name: evaluate(task, model, self.dataset, at=at).rows[self.headline].contiguous() for name, model in models.items()
        }
        files.write_folder(folder.judged, {ROWS: tensors_to_bytes(found)}, format=FORMAT, version=VERSION, stamp=stamp)
        return Rows(seed, found["net"], found["opponent"])

    def _trained(self, folder: RunFolder, seed: int) -> Package:
        """The model of a further seed: trained, gone on with, or read."""
        state = folder.state()
        if state == "finished":
            return load_package(folder.model)
        folder = RunFolder.create(folder.path, resume=state == "unfinished")
        stored = isinstance(self.dataset, StoredDataset)
        changed: dict[str, Any] = {"seed": seed} | ({"source": None} if stored else {})
        with folder.lock():
            given = self.dataset if stored else None
            settings = self.settings.model_copy(update=changed)
            fitted = fit(settings, given=given, folder=folder, resume=bool(folder.steps()), talk=Talk())
            folder.finish()
        return fitted.package

    def _refitted(self, task: Task, seed: int) -> Model:
        """The opponent, fitted anew from a seed with the setting that was chosen."""
        chooser = Chooser(task, self.dataset, self.headline, seed)
        name = str(self.opponent["name"])
        if name == TRIVIAL:
            trivial = task.trivial(self.dataset.batches("train", size=BATCH))
            assert trivial is not None, "it was the opponent"
            return trivial
        facts = registry.facts("baseline", name)
        columns = reader(task, facts.get("inputs", ()), facts.get("weights", ""))
        training = Training.of(task, self.dataset, seed, columns)
        estimator = dict(training.candidates(registry.load("baseline", name)()))[str(self.opponent["setting"])]
        training.fit(estimator, int(self.opponent.get("rows") or training.rows.shape[0]))
        return sharpened(Fitted(estimator, columns, training.classes, facts.get("gives") == "decisions"), chooser)


def _read(folder: RunFolder, stamp: Mapping[str, Any]) -> dict[str, Tensor] | None:
    """The rows that were judged before, where they are of the same comparison and whole."""
    if not folder.judged.is_dir():
        return None
    try:
        found = open_folder(folder.judged, format=FORMAT, newest=VERSION)
        return found.tensors(ROWS) if dict(found.manifest.stamp) == dict(stamp) else None
    except Refusal:  # judged again
        return None


def _look(folder: RunFolder, dataset: Dataset, headline: str, rows: Sequence[Rows]) -> int:
    """Which look at this test part speaks for the method: all seeds are one, and the run's own look belongs to it."""
    looks = Looks.at(dataset, "test", by=str(folder.path.absolute()))
    digest = answers_digest(headline, [one.net for one in rows])
    own, others = looks.number(digest, own_too=False), _own_looks(folder, digest)
    return own + others


def _own_looks(folder: RunFolder, digest: str) -> int:
    """How many other choices of seeds this run was looked at with before."""
    lines = files.read_lines(folder.looks, where="looks.jsonl") if folder.looks.is_file() else []
    known = [one.get("digest") for one in lines if isinstance(one, dict)]
    return known.index(digest) if digest in known else len(known)


def _keep_look(folder: RunFolder, dataset: Dataset, rows: Sequence[Rows], found: Mapping[str, Any]) -> None:
    looks, headline = Looks.at(dataset, "test", by=str(folder.path.absolute())), found["metric"]["name"]
    digest = answers_digest(headline, [one.net for one in rows])
    facts = {"metric": headline, "value": found["metric"]["value"], "word": found["verdict"]["word"]}
    line = looks.keep(digest, **facts, seeds=[one.seed for one in rows])
    lines = files.read_lines(folder.looks, where="looks.jsonl") if folder.looks.is_file() else []
    if digest not in [one.get("digest") for one in lines if isinstance(one, dict)]:
        files.append_line(folder.looks, line)


def _refuse(folder: RunFolder, settings: RunSettings, package: Package, against: Mapping[str, Any], seeds: int) -> None:
    """Raise where there is nothing to compare over seeds."""
    where, again = str(folder.path), "train again from data on disk, with a model of the catalogue"
    if not LEAST <= seeds <= MOST:
        why = "how much training varies cannot be told from fewer than three"
        raise UsageRefusal(
            "SEEDS_FEW", f"{seeds} seeds cannot be compared", where="--seeds", why=why, fix=f"give {LEAST} to {MOST}: --seeds 5"
        )
    if not against.get("opponent"):
        why = "the verdict compares with the baseline that was the best on validation"
        fix = "train again with the comparison"
        raise UsageRefusal("SEEDS_NO_OPPONENT", "this run has no verdict", where=where, why=why, fix=fix)
    if package.form == "external":
        why = "a further seed needs the model as it was before it learned"
        raise UsageRefusal("SEEDS_OWN_MODEL", "this run trained a model of your own", where=where, why=why, fix=again)
    if any(one.only for one in settings.stages):
        why = "its stages learn classes one after another"
        raise UsageRefusal("SEEDS_STAGES", "this run cannot be repeated on the same parts", where=where, why=why, fix=again)
