"""Opponents: the classical models, fitted on the same training rows, their settings chosen by cross-validation on these.

Each gets an equal share of the time that is left, the simplest first. Where a fit on all rows would take longer, a draw of them
has to do; what is not fitted, and what was fitted on fewer rows, is said.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.core.exhaustion import out_of_memory
from thalweg.core.position import Position
from thalweg.core.talk import Talk
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.data.dataset import Dataset
from thalweg.evaluation._baseline import Fitted
from thalweg.evaluation.evaluate import BATCH, Evaluation, of_batches
from thalweg.evaluation.features import Columns, inputs_of, reader, unreadable
from thalweg.evaluation.figures import short
from thalweg.evaluation.frozen import can_freeze
from thalweg.evaluation.paired import sign
from thalweg.evaluation.training_rows import Training, Watch, most_numbers
from thalweg.evaluation.tuning import Plan, cross_validated, planned
from thalweg.evaluation.verdict import TRIVIAL
from thalweg.tasks._task import Model, Task

CHOOSING = 20
"""Validation batches that choose, at most."""
FEW = 100
"""Validation rows below which folds of the training rows choose with them: by 10 rows the truly best of eight opponents is
chosen in a fifth to a third of the cases, with folds in half of them (LOG.md, benchmarks/choosing.py)."""


@dataclass(frozen=True)
class Opponent:
    """A baseline that was fitted.

    Attributes:
        validation: the headline's value on the validation rows that chose its settings.
        setting: the chosen settings in words.
        fits: how many fits were made in all; fixed before the first of them.
        folds: of the cross-validation that chose the settings; 0: the validation part did.
        rows: training rows of the chosen fit, of `whole` that the net had; 0 where that cannot be said.
        folded: the headline's mean over folds of these, by the chosen settings; None where there were none.
        few: how many validation rows there are where folds count beside them; 0 where they are enough.
    """

    name: str
    title: str
    model: Model
    validation: float
    setting: str = ""
    fits: int = 1
    rows: int = 0
    whole: int = 0
    seconds: float = 0.0
    folds: int = 0
    folded: float | None = None
    few: int = 0

    @property
    def promise(self) -> float:
        """The value by which it is chosen and differences are measured before the test part is read."""
        if self.folded is None or not self.few:
            return self.validation
        return (self.rows * self.folded + self.few * self.validation) / (self.rows + self.few)

    @property
    def basis(self) -> str:
        """What that is a value on, in words."""
        return "validation" if self.folded is None or not self.few else "folds and validation"


@dataclass
class Field:
    """All opponents, and sentences on those that are missing or were fitted on fewer rows."""

    opponents: list[Opponent]
    notes: list[str] = field(default_factory=list)

    def best(self, higher: float) -> Opponent | None:
        """The one that promises most, of those judged by folds where validation rows are few; of equals the simplest."""
        folded = [one for one in self.opponents if one.few and one.folded is not None]
        return max(folded or self.opponents, key=lambda one: higher * one.promise, default=None)


def opponents(
    task: Task, dataset: Dataset, *, headline: str, seed: int, budget: float, talk: Talk, plans: dict[str, Plan] | None = None
) -> Field:
    """The trivial baseline and every classical one that learns this task, in the time allowed.

    Args:
        headline: the metric that chooses.
        budget: seconds for all fits.
        plans: what was planned by name on as many rows of these data; it holds on, and what is not there is planned and added.
    """
    chooser = Chooser(task, dataset, headline, seed)
    found = Field([])
    trivial = _trivial(task, dataset, chooser)
    found.opponents += [trivial] if trivial else []
    names = _fitting(task)
    reason = unreadable(task) if names else ""
    if reason:
        found.notes.append(reason)
    elif names:
        plans = {} if plans is None else plans
        sides = _sides(names, task, dataset, chooser)
        found.notes += [_too_large(registry.facts("baseline", name)["title"]) for name in names if name not in sides]
        _fit_all(found, sides, chooser, budget=budget, talk=talk, plans=plans)
    return found


def _fitting(task: Task) -> list[str]:
    """The baselines that learn this task from these inputs, the simplest first."""
    name, kinds = task.declaration.name, [port.kind for port in task.ports.inputs]  # type: ignore[attr-defined]
    fitting = [
        (part.facts.get("cost", 9), key)
        for key, part in registry.parts("baseline").items()
        if name in part.facts["tasks"]
        and ("inputs" not in part.facts or (len(kinds) == 1 and kinds[0] in part.facts["inputs"]))
        and ("weights" not in part.facts or can_freeze(task, part.facts["weights"]))
    ]
    return [key for _, key in sorted(fitting)]


def _trivial(task: Task, dataset: Dataset, chooser: "Chooser") -> Opponent | None:
    model = task.trivial(dataset.batches("train", size=BATCH))
    value = chooser.value(model) if model is not None else None
    if model is None or value is None:
        return None
    rows, folded = dataset.rows("train") or 0, None
    if chooser.few:  # what always answers alike learns nothing by heart
        at = Position(chooser.seed)
        learned = of_batches(task, model, dataset.batches("train", size=BATCH), part="train", at=at)
        folded = learned.estimates[chooser.headline].value
    title = _said_by(task, model, chooser)
    return Opponent(TRIVIAL, title, model, value, rows=rows, whole=rows, folded=folded, few=chooser.few)


def _said_by(task: Task, model: Model, chooser: "Chooser") -> str:
    """What the trivial baseline says: `always "no"` where it always says the same."""
    batch = chooser.first()
    decoded = task.decode(task.predict(model, batch, Position(chooser.seed), task.request({})))
    first = decoded.get(task.ports.output.name) if task.ports.outputs else None
    if first is None or not len(first) or np.ndim(first[0]) or len({str(one) for one in first}) > 1:
        return "trivial answer"
    one = first[0]
    return f"always {short(float(one))}" if isinstance(one, float | np.floating) else f"always “{one}”"


class Chooser:
    """The validation rows, their features made once, and the value of the headline on them."""

    def __init__(self, task: Task, dataset: Dataset, headline: str, seed: int) -> None:
        self.task, self.headline, self.seed = task, headline, seed
        self.batches = Listed(_spread(dataset.batches("validation", size=BATCH)))
        self.higher = sign(task.metrics[headline])
        rows = sum(one.size for one in self.batches)
        self.few = rows if rows < FEW else 0

    def first(self) -> Batch:
        """The first batch."""
        return self.batches.batches[0]

    def value(self, model: Model) -> float | None:
        """The headline of a model."""
        return self.judged(model).estimates[self.headline].value

    def judged(self, model: Model) -> Evaluation:
        """All metrics of a model."""
        return of_batches(self.task, model, self.batches, part="validation", at=Position(self.seed))


def _spread(batches: Batches) -> list[Batch]:
    """As many batches as choose and as memory has room for, from all over; the others are not held."""
    first = next(iter(batches), None)
    if first is None:
        return []
    most = max(1, min(CHOOSING, most_numbers() // max(1, sum(one.numel() for one in first.values()))))
    there = batches.length if batches.length is not None else sum(1 for _ in batches)
    return [batch for number, batch in enumerate(batches) if number % -(-there // most) == 0]


class Listed(Batches):
    """Batches at hand."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches, self.length = batches, len(batches)

    def at(self, position: Position) -> Batch:
        return self.batches[position.index]

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)


class Remembered(Columns):
    """Columns that are made once of tensors that stay the same objects."""

    def __init__(self, columns: Columns, task: Task, batches: list[Batch]) -> None:
        self.columns, self.names = columns, columns.names
        tensors = [inputs_of(task, one) for one in batches]
        self._made = [(next(iter(inputs.values())), columns(inputs)) for inputs in tensors]

    def __call__(self, inputs: Mapping[str, Tensor]) -> Any:
        return self.columns(inputs)

    def given(self, arguments: tuple[Tensor, ...], named: Mapping[str, Tensor]) -> Any:
        first = next(iter((*arguments, *named.values())))
        made = next((columns for tensor, columns in self._made if tensor is first), None)
        return super().given(arguments, named) if made is None else made


def _sides(names: list[str], task: Task, dataset: Dataset, chooser: "Chooser") -> dict[str, tuple[Training, Columns]]:
    """By baseline, the training rows as it reads them, and what reads further ones; each sort of reading is made once.

    Those whose rows there is no memory for are left out.
    """
    facts = {name: registry.facts("baseline", name) for name in names}
    wanted = {name: (tuple(one.get("inputs", ())), one.get("weights", "")) for name, one in facts.items()}
    made = {}
    for reading in dict.fromkeys(wanted.values()):
        columns = reader(task, *reading)
        try:
            training = Training.of(task, dataset, chooser.seed, columns)
            made[reading] = (training, Remembered(columns, task, chooser.batches.batches))
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
    return {name: made[reading] for name, reading in wanted.items() if reading in made}


def _too_large(title: str) -> str:
    return f"{title} was not fitted: there is not enough memory for its rows"


def _fit_all(
    found: Field,
    sides: Mapping[str, tuple[Training, Columns]],
    chooser: Chooser,
    *,
    budget: float,
    talk: Talk,
    plans: dict[str, Plan],
) -> None:
    watch = Watch()
    names = list(sides)
    for done, (name, (training, columns)) in enumerate(sides.items()):
        title = registry.facts("baseline", name)["title"]
        left = budget - watch.seconds
        talk.live("compare", f"{title} {done + 1} of {len(names)}  {max(0.0, left):.0f} s left", done / len(names))
        if left <= 0:
            found.notes.append(f"{title} was not fitted: the {budget:.0f} s for baselines were over")
            continue
        try:
            one, note = fit_one(name, training, chooser, columns, seconds=left / (len(names) - done), plans=plans)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            one, note = None, _too_large(title)
        found.opponents += [one] if one else []
        found.notes += [note] if note else []


def fit_one(
    name: str,
    training: Training,
    chooser: Chooser,
    columns: Columns,
    *,
    seconds: float,
    plans: dict[str, Plan] | None = None,
) -> tuple[Opponent | None, str]:
    """A baseline with the best of its settings, fitted on the training rows; and what must be said of it.

    How many rows, settings and folds the time allows is decided before the first of these fits, by fits on a few rows. Settings
    are compared by cross-validation on the training part; where there is no time for that, on the validation part.

    Args:
        plans: what was decided before on as many rows, by name, which holds on; what is not there is added.
    """
    facts, watch = registry.facts("baseline", name), Watch()
    offered = training.candidates(registry.load("baseline", name)())
    decisions = facts.get("gives") == "decisions"
    plans = {} if plans is None else plans
    if name not in plans:
        plans[name] = planned(training, offered, power=facts.get("power", 1.0), seconds=seconds, folded=bool(chooser.few))
    plan = plans[name].on(training.rows.shape[0])
    tried, failed, fits = offered[: plan.settings], "it has no value on the validation rows", 0
    scores: dict[str, float] = {}
    if plan.folds:
        metric = chooser.task.metrics[chooser.headline]
        scores, fits, failed = cross_validated(training, tried, plan, metric, columns, decisions=decisions)
        best_score = max((chooser.higher * one for one in scores.values()), default=0.0)
        chosen = next((words for words, one in scores.items() if chooser.higher * one == best_score), "")
        tried = [one for one in tried if one[0] == chosen] or tried[:1]
    best: Opponent | None = None
    for words, estimator in tried:
        fits += 1
        try:
            training.fit(estimator, plan.rows)
            model = sharpened(Fitted(estimator, columns, training.classes, decisions), chooser)
            value = chooser.value(model)
        except ValueError as error:  # too few rows for a setting, say: another may do
            failed = str(error).splitlines()[0][:120]
            continue
        if value is not None and (best is None or chooser.higher * value > chooser.higher * best.validation):
            whole, few, folded = training.whole, chooser.few, scores.get(words)
            best = Opponent(
                name, facts["title"], model, value, words, rows=plan.rows, whole=whole, folds=plan.folds, folded=folded, few=few
            )
    if best is None:
        return None, f"{facts['title']} could not be fitted: {failed}"
    best = dataclasses.replace(best, fits=fits, seconds=watch.seconds)
    return best, _note(best, training.rows.shape[0], settings=plan.settings, offered=len(offered))


def _note(one: Opponent, held: int, *, settings: int, offered: int) -> str:
    """What it was not given, and why.

    Args:
        held: rows that were taken into memory.
    """
    said = []
    if one.rows < one.whole:
        said.append(f"fitted on {one.rows:,} of {one.whole:,} rows")
    if settings < offered:
        said.append(f"{settings} of {offered} settings tried")
    scarce = ["memory"] if held < one.whole else []
    scarce += ["the time for baselines"] if settings < offered or one.rows < held else []
    return f"{one.title}: {', '.join(said)}, to keep to {' and '.join(scarce)}" if said else ""


def sharpened(model: Fitted, chooser: Chooser) -> Fitted:
    """Decisions made into probabilities: multiplied by the power of two that makes the validation rows likeliest."""
    if not model.decisions or model.classes is None:
        return model
    name = chooser.task.ports.output.name
    scores, truth = [], []
    for batch in chooser.batches:
        scores.append(model.scores(model.columns.given((), inputs_of(chooser.task, batch))))
        truth.append(batch[name].cpu())
    found, codes = torch.from_numpy(np.concatenate(scores)), torch.cat(truth).numpy()
    place = {int(code): j for j, code in enumerate(model.estimator.classes_)}
    seen = np.array([place.get(int(code), -1) for code in codes])
    rows, columns = np.flatnonzero(seen >= 0), seen[seen >= 0]
    loss = {
        s: float(-(found[rows] * s).log_softmax(1)[range(len(rows)), columns].mean()) for s in (2.0**i for i in range(-3, 7))
    }
    model.sharpness = min(loss, key=lambda s: loss[s] if math.isfinite(loss[s]) else math.inf)
    return model


def refitted(task: Task, dataset: Dataset, headline: str, opponent: Mapping[str, Any], *, seed: int) -> Model:
    """An opponent fitted anew, with the setting that was chosen.

    Args:
        opponent: its `name`, `setting`, and the `rows` that it was fitted on; without these, all.
    """
    name = str(opponent["name"])
    if name == TRIVIAL:
        trivial = task.trivial(dataset.batches("train", size=BATCH))
        assert trivial is not None, "it was the opponent"
        return trivial
    facts = registry.facts("baseline", name)
    columns = reader(task, facts.get("inputs", ()), facts.get("weights", ""))
    training = Training.of(task, dataset, seed, columns)
    estimator = dict(training.candidates(registry.load("baseline", name)()))[str(opponent["setting"])]
    training.fit(estimator, int(opponent.get("rows") or training.rows.shape[0]))
    fitted = Fitted(estimator, columns, training.classes, facts.get("gives") == "decisions")
    return sharpened(fitted, Chooser(task, dataset, headline, seed))
