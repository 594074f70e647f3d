"""Compare over folds: every row of small data is judged by a training that did not see it, twice over.

The rows are cut into five folds, twice. For each fold the same training is done on the other four: encodings, tuning, when to
stop and the choice of the opponent all happen inside these. So the verdict is about the method, and every row counts.
A fold that is done is not done again, and a training that was stopped goes on from its last checkpoint.

Reference: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366; Dietterich 1998, doi:10.1162/089976698300017197 (5 x 2).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.run_folder import RunFolder
from thalweg.core.standing import Standing
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.data.encode import encode
from thalweg.data.splits import folds
from thalweg.evaluation.clopper_pearson import ALPHA
from thalweg.evaluation.evaluate import evaluate
from thalweg.evaluation.figures import Unit
from thalweg.evaluation.leaving_out import value_of
from thalweg.evaluation.looks import Looks, answers_digest
from thalweg.evaluation.margin import margin_of
from thalweg.evaluation.opponents import opponents
from thalweg.evaluation.paired import EXAMPLES, GROUPS, Difference, sign, too_little, width_of_shares
from thalweg.evaluation.repeated import FOLDS, mean_figure, over_folds, said_of_method
from thalweg.evaluation.results import budget_for
from thalweg.evaluation.retrained import Wanted, keep_judged, kept_judged, refuse_unrepeatable, train_all, trained
from thalweg.evaluation.tuning import Plan
from thalweg.evaluation.units import count, groups_of
from thalweg.evaluation.verdict import Contest, spoken, verdict
from thalweg.fields.column import coded, take
from thalweg.metrics._metric import Metric
from thalweg.packages.package import Package
from thalweg.tasks._task import Model
from thalweg.training.reopened import settings_of_run
from thalweg.training.settings import RunSettings

REPEATS, MOST_REPEATS = 2, 4
"""How often the rows are cut into folds; and with the preset that takes the most effort."""
WHOLE = "whole"
"""The folder of the model that learned from all rows."""
SMALL = 1000
"""Labelled rows from which on a test part of its own says more for its time."""
PATIENCE = 120.0
"""Seconds that all trainings may take to be done unasked, where the run has no time limit."""
CLAIM = "This speaks for the method, trained on 80 % of these data."
MOST_AT_ONCE = 2**28
"""Bytes of the encoded data of all folds that may lie in memory at the same time."""
MIXED = "the baseline that validation rows chose"
"""What the opponent is called where folds chose different ones."""


@dataclass(frozen=True)
class Fold:
    """What net and opponent came to on one fold: rows (n, k) of the headline.

    Attributes:
        repeat: which of the cuts it is of, from 0.
        places: (n,) the rows of the data that it holds.
        opponent: the baseline that was best on this training's validation rows.
        margin: what counts as none, fixed by that baseline's value there.
    """

    repeat: int
    places: Tensor
    net: Tensor
    theirs: Tensor
    opponent: str
    title: str
    margin: float


def outlook(settings: RunSettings, dataset: Dataset, results: Mapping[str, Any]) -> dict[str, Any]:
    """Whether folds would say more than the run's test part, and what they take, as JSON values.

    Returns:
        `advised`; `fits`: how many trainings; `seconds`: about how long these and their baselines take; `rows`: all that would
        be judged; `reason`: why they cannot be cut, empty where they can.
    """
    reason, repeats = unsuited(settings, dataset), repeats_of(settings)
    once = sum(float(results["seconds"][what]) for what in ("encoding", "training"))
    beside = sum(float(one.get("seconds") or 0.0) for one in results["baselines"])
    rows = len(_all_rows(dataset)) if isinstance(dataset, StoredDataset) else 0
    seconds = round(repeats * FOLDS * (once + beside) + once, 1)  # and a training on all rows
    wanted = bool(results.get("verdict")) and rows < SMALL and not dataset.facts.get("given")
    advised = not reason and wanted and seconds <= (settings.time_limit or PATIENCE)
    return {"advised": advised, "fits": repeats * FOLDS, "seconds": seconds, "rows": rows, "reason": reason}


def repeats_of(settings: RunSettings) -> int:
    """How often the rows are cut."""
    return MOST_REPEATS if settings.preset == "best" else REPEATS


def unsuited(settings: RunSettings, dataset: Dataset) -> str:
    """Why the rows cannot be cut into folds; empty where they can."""
    if not isinstance(dataset, StoredDataset):
        return f"{dataset.name} is drawn, so that there are always fresh examples"
    if settings.data.time is not None:
        return f"the rows are ordered by {settings.data.time}, and a fold of the past would be judged by the future"
    if "test" in dataset.facts.get("given", ()):
        return "the data came with a test part of their own"
    return "" if dataset.encodings.of_role("target") else "nothing is to be predicted"


def compare_folds(
    standing: Standing, package: Package, dataset: Dataset, results: Mapping[str, Any], *, talk: Talk
) -> dict[str, Any]:
    """The verdict on the method, as JSON values.

    Args:
        standing: the run's folder.
        package: of the run itself: its metrics hold on.
        results: of the run: its headline holds on.

    Raises:
        UsageRefusal: the rows cannot be cut, or the training cannot be repeated from its settings.
    """
    folder = RunFolder(standing.path)
    settings = settings_of_run(folder)
    refuse_unrepeatable(package, settings, code="FOLDS", where=str(folder.path))
    reason = unsuited(settings, dataset)
    if reason or not isinstance(dataset, StoredDataset):
        raise _refusal(folder, reason)
    budget = budget_for(float(results["seconds"]["training"]))
    work = _Work(folder, standing, settings, dataset, results["metric"]["name"], budget)
    repeats, found = repeats_of(settings), list[Fold]()
    cuts = {(repeat, number): places for repeat in range(repeats) for number, places in enumerate(work.cut(repeat))}
    work.train(cuts, talk)
    for done, ((repeat, number), places) in enumerate(cuts.items()):
        talk.live("folds", f"{done + 1} of {len(cuts)}", done / len(cuts))
        found.append(work.fold(repeat, number, places))
    talk.say("folds", f"{len(found)} trainings, each judged on the fifth of the rows that it did not see")
    model = work.on_all_rows()
    talk.say(
        "folds", f"{model} learned from all rows, and is what the method gives; its answers: thalweg predict {model} INPUT"
    )
    looks = Looks.at(work.everything(), "all", by=str(folder.path.absolute()))
    digest = answers_digest(work.headline, [one.net for one in found])
    metric, groups = package.task.metrics[work.headline], groups_of(work.everything(), "all")
    told = judged(metric, found, groups=groups, look=looks.number(digest))
    looks.keep(digest, metric=work.headline, value=told["metric"]["value"], word=told["verdict"]["word"], folds=len(found))
    return told | {"model": str(model)}


def judged(metric: Metric[Any], found: Sequence[Fold], *, groups: Tensor | None = None, look: int = 1) -> dict[str, Any]:
    """What all folds come to.

    Args:
        groups: (N,) the group of each row of the data, from 0, where whole groups are the units.
        look: the number of this look at these rows.

    Raises:
        UsageRefusal: the metric has no value on one of them.
    """
    values = [(value_of(metric, one.net), value_of(metric, one.theirs)) for one in found]
    known = [(a, b) for a, b in values if a is not None and b is not None]
    if len(known) < len(found):
        why = "without a value for each fold there is no mean"
        fix = "compare over seeds: thalweg compare RUN --seeds 5"
        what = f"the headline has no value on a fold: {metric.undefined}"
        raise UsageRefusal("FOLDS_UNDEFINED", what, where=f"test rows, {type(metric).__name__}", why=why, fix=fix)
    gaps, alpha = [sign(metric) * (a - b) for a, b in known], ALPHA / look
    difference = difference_over(metric, found, gaps, groups=groups, alpha=alpha)
    names = {one.opponent: one.title for one in found}
    title = spoken(*next(iter(names.items()))) if len(names) == 1 else MIXED
    name = max(names, key=lambda key: sum(one.opponent == key for one in found))
    margin = float(np.mean([one.margin for one in found]))
    means = [float(np.mean(some)) for some in zip(*known, strict=True)]
    contest = Contest(Unit.of(metric), means[0], means[1], name, title, margin, whole=True)
    words = f"over {found[-1].repeat + 1} x {FOLDS} folds"
    told = said_of_method(verdict(contest, difference, look=look), words, CLAIM)
    own = over_folds([a for a, _ in known], alpha=alpha)
    first = torch.cat([one.net for one in found if one.repeat == 0])
    each = [
        {"repeat": one.repeat + 1, "rows": len(one.net), "net": a, "opponent": b, "name": one.opponent, "difference": gap}
        for one, (a, b), gap in zip(found, known, gaps, strict=True)
    ]
    mean = mean_figure(metric, means[0], own)
    return {"metric": mean, "opponent": means[1], "verdict": told, "claim": CLAIM, "folds": each, "examples": len(first)}


def difference_over(
    metric: Metric[Any], found: Sequence[Fold], gaps: Sequence[float], *, groups: Tensor | None = None, alpha: float = ALPHA
) -> Difference:
    """The corrected interval over folds; of shares never narrower than that of all rows judged once.

    Args:
        gaps: net − opponent on each fold, positive where the net is ahead.
    """
    low, high = over_folds(gaps, alpha=alpha)
    mean, half = float(np.mean(gaps)), (high - low) / 2
    repeats = [[one for one in found if one.repeat == repeat] for repeat in range(found[-1].repeat + 1)]
    rows = [(torch.cat([one.net for one in some]), torch.cat([one.theirs for one in some])) for some in repeats]
    inside = [None if groups is None else groups[torch.cat([one.places for one in some])] for some in repeats]
    half = max(half, width_of_shares(metric, rows, inside, alpha=alpha) / 2)
    units, name = (len(rows[0][0]), EXAMPLES) if inside[0] is None else (count(inside[0]), GROUPS)
    reason = too_little(metric, rows[0][0], inside[0])
    return Difference(mean, mean - half, mean + half, None, None, units, mean, reason, units=name)


@dataclass
class _Work:
    """What all folds of one comparison share.

    Attributes:
        budget: seconds for the baselines of a fold.
        plans: how each is tuned, as the first fold's time allowed.
        held: the data of folds that were trained at once, until they are judged.
    """

    folder: RunFolder
    standing: Standing
    settings: RunSettings
    dataset: StoredDataset
    headline: str
    budget: float
    plans: dict[str, Plan] = field(default_factory=dict)
    held: dict[tuple[int, int], StoredDataset] = field(default_factory=dict)

    def everything(self) -> StoredDataset:
        """The dataset with all its rows as one part."""
        return StoredDataset(self.dataset.examples, self.dataset.store, {"all": _all_rows(self.dataset)}, self.dataset.digest)

    def on_all_rows(self) -> Path:
        """The run of a model that learned from all rows, but for those that say when to stop; read where it stands already."""
        rows = _all_rows(self.dataset)
        examples = dataclasses.replace(self.dataset.examples, given={"train": rows, "test": rows})  # nothing judges it
        dataset = encode(examples, self.settings.data, seed=self.settings.seed)
        for one in dataset.encodings.values():
            one.spellings = self.dataset.encodings[one.name].spellings  # new data are read as the run's were
        folder = RunFolder(self.folder.folds / WHOLE)
        trained(folder, self.settings, dataset, of=self.standing)
        return folder.path

    def cut(self, repeat: int) -> list[Tensor]:
        """The rows of each fold."""
        examples, target = self.dataset.examples, self.dataset.encodings.of_role("target")
        strata = target[0].strata([examples.columns[name] for name in target[0].fields]) if len(target) == 1 else None
        return folds(examples, self.settings.data, FOLDS, seed=self.settings.seed + repeat, strata=strata)

    def train(self, cuts: Mapping[tuple[int, int], Tensor], talk: Talk) -> None:
        """Train the folds that were not judged before: small nets at once, where the rows of all lie in memory at ease."""
        whole = [one.nbytes if isinstance(one, Tensor) else MOST_AT_ONCE for one in self.dataset.store.fields.values()]
        if len(cuts) * sum(whole) > MOST_AT_ONCE:
            return
        wanted = dict[RunFolder, Wanted]()
        for (repeat, number), places in cuts.items():
            seed, folder = self._seed(repeat, number), self._of(repeat, number)
            dataset = self.held[repeat, number] = self._without(places, seed)
            if kept_judged(folder, self._stamp(seed, dataset)) is None:
                wanted[folder] = Wanted(self.settings.model_copy(update={"seed": seed}), dataset)
        train_all(wanted, of=self.standing, talk=talk, label="folds")

    def fold(self, repeat: int, number: int, places: Tensor) -> Fold:
        """What a fold comes to, read where it stands already."""
        self.standing.refuse_gone()
        seed, folder = self._seed(repeat, number), self._of(repeat, number)
        held = self.held.pop((repeat, number), None)
        dataset = self._without(places, seed) if held is None else held
        stamp = self._stamp(seed, dataset)
        before = kept_judged(folder, stamp)
        if before is None:
            settings = self.settings.model_copy(update={"seed": seed})
            package = trained(folder, settings, dataset, of=self.standing)
            before = self._judged(folder, package, dataset, stamp)
        rows, facts = before
        names = (str(facts["opponent"]), str(facts["title"]), float(facts["margin"]))
        return Fold(repeat, places, rows["net"], rows["opponent"], *names)

    def _seed(self, repeat: int, number: int) -> int:
        return self.settings.seed + repeat * FOLDS + number

    def _of(self, repeat: int, number: int) -> RunFolder:
        return RunFolder(self.folder.folds / f"{repeat + 1}-{number + 1}")

    def _stamp(self, seed: int, dataset: StoredDataset) -> dict[str, Any]:
        """What rows that were judged before must agree in."""
        return {"seed": seed, "headline": self.headline, "digest": dataset.digest}

    def _without(self, places: Tensor, seed: int) -> StoredDataset:
        """The data with these rows as the test part; the others are cut into the parts that a training needs."""
        examples, settings = self.dataset.examples, self.settings.data
        rest = _all_rows(self.dataset)
        rest = rest[~torch.isin(rest, places)]
        target = self.dataset.encodings.of_role("target")[0]
        classes = coded(take(examples.columns[target.fields[0]], rest))[1]
        alone = target.port.size is not None and bool((np.bincount(classes[classes >= 0]) == 1).any())
        settings = settings.model_copy(update={"stratified": False}) if alone else settings
        return encode(dataclasses.replace(examples, given={"train": rest, "test": places}), settings, seed=seed)

    def _judged(
        self, folder: RunFolder, package: Package, dataset: StoredDataset, stamp: Mapping[str, Any]
    ) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
        moved, seed = dataset.to(package.like.device, package.like.dtype), int(stamp["seed"])
        task, at, metric = package.task, Position(seed), package.task.metrics[self.headline]
        found = opponents(task, moved, headline=self.headline, seed=seed, budget=self.budget, talk=Talk(), plans=self.plans)
        chosen = found.best(sign(metric))
        if chosen is None:
            why, fix = "the method is compared with what is best on validation rows", "thalweg compare RUN --seeds 5"
            what = f"a fold has no opponent: {'; '.join(found.notes)}"
            raise UsageRefusal("FOLDS_NO_OPPONENT", what, where=str(folder.path), why=why, fix=fix)
        margin = margin_of(metric, chosen.promise, self.settings.margin)
        models: dict[str, Model] = {"net": package.model, "opponent": chosen.model}
        rows = {name: evaluate(task, model, moved, at=at).rows[self.headline] for name, model in models.items()}
        stamp = {**stamp, "opponent": chosen.name, "title": chosen.title, "margin": margin}
        keep_judged(folder, rows, stamp)
        return rows, stamp


def _all_rows(dataset: StoredDataset) -> Tensor:
    """(N,) the rows of any part, sorted."""
    return torch.cat(list(dataset.parts.values())).unique()


def _refusal(folder: RunFolder, reason: str) -> UsageRefusal:
    return UsageRefusal(
        "FOLDS_UNSUITED",
        f"these data cannot be cut into folds: {reason}",
        where=str(folder.path),
        why="each row would be judged by a training on all the others",
        fix=f"compare over seeds on the same test part: thalweg compare {folder.path} --seeds 5",
    )
