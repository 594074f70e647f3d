"""One stage of a run: task, model, rule, batches and listeners, built from the settings and the number of the stage."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from thalweg.core import registry
from thalweg.core.device import laid_out, weights_dtype
from thalweg.core.errors import UsageRefusal
from thalweg.core.exhaustion import Attempt
from thalweg.core.memory import WithinMemory, refuse_too_large
from thalweg.core.position import Position
from thalweg.core.settings import Choice, Settings, read_settings
from thalweg.data.augmented import build_augment
from thalweg.data.batches import Batches
from thalweg.data.dataset import Dataset
from thalweg.engine.plan import SpeedPlan
from thalweg.engine.program import Program
from thalweg.models.weights.filling import fill_by_name
from thalweg.rules._rule import Context, Rule
from thalweg.tasks._task import Loss, Task
from thalweg.training.loop import Progress
from thalweg.training.own_loss import OwnLoss
from thalweg.training.plan import augmentation, augmentation_name, choose_model, choose_rule, choose_task
from thalweg.training.preset import chosen_by, lasting, scaled_steps, share_of_length
from thalweg.training.requested import LENGTHS, overlaid, settings_of_part
from thalweg.training.scaled import scaled
from thalweg.training.settings import RunSettings


@dataclass(frozen=True)
class Own:
    """What the user gave as objects instead of names."""

    model: nn.Module | None = None
    task: type[Task] | None = None
    rule: type[Rule] | None = None
    loss: Loss | None = None

    @property
    def names(self) -> dict[str, str]:
        """What was given, by sort of part, as its class or function is called; nothing can be named by that."""
        given = {"model": self.model, "task": self.task, "rule": self.rule, "loss": self.loss}
        return {sort: _called(one) for sort, one in given.items() if one is not None}


def _called(given: Any) -> str:  # noqa: ANN401 - an object of the user's
    """The name of a class, of a function, or of an object's class."""
    return str(given.__name__ if isinstance(given, type | FunctionType) else type(given).__name__)


@dataclass
class Stage:
    """All that one stage of a run learns with.

    Attributes:
        named: the model as a package describes it.
        reasons: what was chosen and why, for the first lines and the settings file.
        watched: the metric that tells which weights are best; None: the task's first.
        patience: share of all evaluations without improvement after which learning ends; None: it goes on.
        threads_from: parameters below which it learns on one thread; None: as any net.
        begun: what the rule and the batches held when the rule had begun; None unless it is to begin once more.
        plan: how its steps are run.
        precision: of its forward passes, where the plan names no other.
    """

    dataset: Dataset
    task: Task
    rule: Rule
    batches: Batches
    progress: Progress
    named: Mapping[str, Any]
    choices: Mapping[str, Choice] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    watched: str | None = None
    patience: float | None = None
    threads_from: int | None = None
    begun: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
    plan: SpeedPlan = field(default_factory=SpeedPlan)
    precision: str = "float32"

    def program(self) -> Program | None:
        """The program of the plan, once all states are loaded; None where the rule takes its steps itself.

        It does so, too, where there is no memory for the program.

        Raises:
            UsageRefusal: the plan names one that does not fit.
        """
        if not self.plan.program or self.progress.plainly:
            return None
        attempt = Attempt()
        with attempt:
            built: Program | None = registry.load("program", self.plan.program).of(self.rule, self.batches)
        if attempt.refused:
            self.progress.plainly = True
            return None
        if built is None:
            raise UsageRefusal(
                "SPEED_PROGRAM_MISFIT",
                f"the program {self.plan.program} cannot take the steps of this net, loss and rule",
                where="--speed",
                why="it would learn something else",
                fix="--speed probe, which finds one that fits, or --speed plain",
            )
        return built

    def begin(self, *, once_more: bool = False) -> None:
        """Let the rule begin; where it did so in a trial, give back what that found, which may have taken long.

        Args:
            once_more: this is a trial, and another beginning follows.
        """
        if self.begun is None:
            self.rule.begin(self.batches, self.progress.position)
        else:
            self.rule.load_state_dict(copy.deepcopy(self.begun[0]))
            self.batches.load_state_dict(copy.deepcopy(self.begun[1]))
        self.begun = copy.deepcopy((self.rule.state_dict(), self.batches.state_dict())) if once_more else None


def build_stage(settings: RunSettings, number: int, dataset: Dataset, own: Own, context: Context) -> Stage:
    """The stage of that number; weights are a function of the seed and the number alone."""
    changed = settings.stages[number]
    at = Position(seed=settings.seed, stage=number)
    task, task_choice, task_why = _task(settings, dataset, own)
    model, model_choice, model_why = _model(settings, changed.model, dataset, task, own, at=at, context=context)
    task.bind(model)
    with _seeded(at.number("rule", by="run")):  # a rule may build modules of its own
        name = task.declaration.name  # type: ignore[attr-defined]
        facts = scaled(_facts(own, model_choice), name, dataset.rows("train"), preset=settings.preset)
        rule, rule_choice, rule_why = _rule(settings, changed.rule, task, model, own, facts=facts, context=context)
    wanted = augmentation(settings, dataset, task.declaration.facts)  # type: ignore[attr-defined]
    batches = rule.batches(dataset, build_augment(wanted, dataset.encodings))
    usual = total = rule.steps(batches)
    if settings.time_limit is None:
        share = share_of_length(facts, settings.preset, settings.rule, changed.rule)
        total = scaled_steps(usual, share, batches.length)
    if total != usual:
        rule_choice = Choice(name=rule_choice.name, settings=overlaid(rule_choice.settings, {"steps": total}))
    progress = Progress(Position(seed=settings.seed, stage=number, total=total), batches.length)
    named = {"class": type(model).__name__} if own.model is not None else _described(model_choice)
    choices = {"task": task_choice, "model": model_choice, "rule": rule_choice}
    reasons = {"task": task_why, "model": model_why, "rule": rule_why}
    told = "as long as the time limit says" if settings.time_limit is not None else lasting(total, usual, batches.length)
    reasons["preset"] = chosen_by(settings.preset, facts, {**model_choice.settings, **rule_choice.settings}, told)
    if wanted and settings.augment is None:
        reasons["augment"] = f"{', '.join(map(augmentation_name, wanted))} at random, which leaves classes as they are"
    watched, patience = facts.get("watched", {}).get(name), None
    if not _says_how_long(settings, changed.rule):
        patience = facts.get("patience", {}).get(name)
    stage = Stage(dataset, task, rule, batches, progress, named, choices, reasons, watched, patience, facts.get("threads_from"))
    stage.precision = context.precision
    return stage


def _says_how_long(settings: RunSettings, changed: Mapping[str, Any]) -> bool:
    """The user said for how long to learn."""
    asked = overlaid(settings.rule.settings if settings.rule is not None else {}, changed)
    return settings.time_limit is not None or any(asked.get(key) is not None for key in LENGTHS)


@contextmanager
def _seeded(number: int) -> Iterator[None]:
    """Weights drawn within come from this number; torch's own generator stays where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(number)
        yield


def task_facts(settings: RunSettings, dataset: Dataset, own: Own) -> Mapping[str, Any]:
    """What the task of a run declares, before it is built."""
    if own.task is not None:
        return own.task.declaration.facts  # type: ignore[attr-defined]
    return registry.facts("task", choose_task(settings, dataset).choice.name)


def _described(choice: Choice) -> dict[str, Any]:
    resolved = registry.settings_of("model", choice.name, choice.settings)
    return {"name": choice.name, "settings": resolved.model_dump(mode="json")}


def _facts(own: Own, choice: Choice) -> Mapping[str, Any]:
    return {} if own.model is not None else registry.facts("model", choice.name)


def _task(settings: RunSettings, dataset: Dataset, own: Own) -> tuple[Task, Choice, str]:
    loss = OwnLoss(own.loss) if own.loss is not None else None
    if own.task is not None:
        declaration = own.task.declaration  # type: ignore[attr-defined]
        choice, why = settings.task or Choice(name=declaration.name), "your own"
        made: Settings = read_settings(declaration.settings, choice.settings, where=f"task {declaration.name}")
        task = own.task(dataset.encodings, made, loss=loss)
    else:
        chosen = choose_task(settings, dataset)
        choice, why = chosen.choice, chosen.why
        kind = registry.load("task", choice.name)
        task = kind(dataset.encodings, registry.settings_of("task", choice.name, choice.settings), loss=loss)
    task.adopt(dataset)
    return task, choice, why


def _model(
    settings: RunSettings, changed: Mapping[str, Any], dataset: Dataset, task: Task, own: Own, *, at: Position, context: Context
) -> tuple[nn.Module, Choice, str]:
    dtype = weights_dtype(context.precision)
    if own.model is not None:
        _refuse_weights(settings)
        own_model = laid_out(_ready(own.model).to(context.device, dtype), settings.memory_format)
        return own_model, Choice(name=type(own_model).__name__), "your own"
    name = settings.task.name if settings.task and settings.task.name else task.declaration.name  # type: ignore[attr-defined]
    chosen = choose_model(settings, dataset, name, task.ports)
    usual = scaled(registry.facts("model", chosen.choice.name), name, dataset.rows("train"), preset=settings.preset)["settings"]
    published = registry.load("model", chosen.choice.name).declaration.variants.get(chosen.choice.name)
    usual = {key: one for key, one in usual.items() if published is None or key not in published.model_fields_set}
    choice = Choice(name=chosen.choice.name, settings={**usual, **chosen.choice.settings, **changed})
    with _seeded(at.number("weights", by="run")), WithinMemory(context.device, choice.name):
        made = registry.settings_of("model", choice.name, choice.settings)
        module = registry.load("model", choice.name)(task.ports, made)
    refuse_too_large(module, context.device, where=choice.name)
    if settings.weights is not None and at.stage == 0:
        fill_by_name(module, choice.name, made, settings.weights, download=settings.data.download)
    return laid_out(module.to(context.device, dtype), settings.memory_format), choice, chosen.why


def _refuse_weights(settings: RunSettings) -> None:
    """Return unless published weights are asked for too."""
    if settings.weights is not None:
        raise UsageRefusal(
            "WEIGHTS_OTHER_MODEL",
            f"the weights {settings.weights} are for a model of ours, and a model was given",
            where="weights",
            why="what your model's tensors are called is not known",
            fix="load them yourself: model.load_state_dict(...); or leave the model or the weights out",
        )


def _ready(model: nn.Module) -> nn.Module:
    """A user's own net, its weights known and learning; parts of it that were set to evaluate stay so where the whole was not.

    Raises:
        UsageRefusal: some of its tensors have no values yet.
    """
    tensors = [*model.named_parameters(), *model.named_buffers()]
    lazy = [name for name, one in tensors if is_lazy(one)]
    empty = [name for name, one in tensors if one.is_meta]
    if lazy or empty:
        raise UsageRefusal(
            "MODEL_WITHOUT_WEIGHTS",
            f"{len(lazy or empty)} of the model's tensors have no values yet: {', '.join((lazy or empty)[:4])}",
            where=f"model {type(model).__name__}",
            why="nothing can be learned by weights that do not exist" if empty else "how large they are is not known",
            fix="build it without torch.device('meta')" if empty else "call it once on a few rows first: net(x[:2])",
        )
    return model if model.training else model.train()


def _rule(
    settings: RunSettings,
    changed: Mapping[str, Any],
    task: Task,
    model: nn.Module,
    own: Own,
    *,
    facts: Mapping[str, Any],
    context: Context,
) -> tuple[Rule, Choice, str]:
    if own.rule is not None:
        declaration = own.rule.declaration  # type: ignore[attr-defined]
        given = overlaid(settings.rule.settings if settings.rule else {}, changed)
        choice = Choice(name=declaration.name, settings=given)
        made = read_settings(declaration.settings, given, where=f"rule {declaration.name}")
        return own.rule(task, model, made, context), choice, "your own"
    differing = Choice.model_validate(changed)
    if differing.name:  # a rule of the stage's own: the run's settings are another one's
        settings, differing = settings.model_copy(update={"rule": differing}), Choice()
    chosen = choose_rule(settings, facts, task.declaration.facts)  # type: ignore[attr-defined]
    choice = Choice(name=chosen.choice.name, settings=overlaid(chosen.choice.settings, differing.settings))
    kind = registry.load("rule", choice.name)
    rule: Rule = kind(task, model, settings_of_part("rule", choice.name, choice.settings), context)
    return rule, choice, chosen.why
