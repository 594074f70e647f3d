"""The plan: which task, model and rule a run takes where the user named none, read from the facts that parts declare.

No part's file is imported to choose; nothing here knows a part's name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.core.readable import readable
from thalweg.core.settings import Choice
from thalweg.data.dataset import Dataset
from thalweg.fields.ports import Ports
from thalweg.training.requested import overlaid
from thalweg.training.settings import RunSettings

DEFAULT_RULE = "backpropagation"


@dataclass(frozen=True)
class Reasoned:
    """A part that was chosen, with its settings, and why."""

    choice: Choice
    why: str


def choose_task(settings: RunSettings, dataset: Dataset) -> Reasoned:
    """The task named by the user, else what the model named learns, else what the source says, else by the target's kind.

    A model decides where none of its tasks has a target (a map, a memory); elsewhere the target's kind tells them apart.

    Raises:
        UsageRefusal: no task learns such a target.
    """
    given = settings.task or Choice()
    if given.name:
        return Reasoned(given, "as asked")
    only = _learned_by(settings.model)
    if only:
        return _named(given, only, "what this model learns")
    if "task" in dataset.facts:
        return _named(given, dataset.facts["task"], f"what {dataset.name} is for")
    kinds: set[str | None] = {encoding.kind for encoding in dataset.encodings.of_role("target")}
    kinds = kinds or {None}
    fitting = [name for name, part in registry.parts("task").items() if part.facts.get("target", "") in kinds]
    if not fitting:
        raise UsageRefusal(
            "TASK_UNKNOWN_TARGET",
            "the data have no target, and no task was named"
            if kinds == {None}
            else f"no task learns a target of kind {', '.join(sorted(map(str, kinds)))}",
            where=dataset.name,
            why="what is to be learned cannot be told from the data",
            fix="name what is to be predicted, --target NAME, or what is to be learned, --task NAME of thalweg list tasks",
        )
    best = max(sorted(fitting), key=lambda name: registry.facts("task", name).get("preference", 0))
    target = next((one.name for one in dataset.encodings.of_role("target")), "nothing")
    return _named(given, best, f"the target {target} is of kind {', '.join(sorted(map(str, kinds)))}")


def _learned_by(model: Choice | None) -> str:
    """The first task of a model none of whose tasks has a target; nothing where a target decides."""
    tasks: Sequence[str] = registry.facts("model", model.name).get("tasks", ()) if model is not None and model.name else ()
    return "" if any("target" in registry.facts("task", name) for name in tasks) else next(iter(tasks), "")


def choose_model(settings: RunSettings, dataset: Dataset, task: str, ports: Ports) -> Reasoned:
    """The model named by the user, else by the source for its own task, else the preferred one that reads these inputs.

    Raises:
        UsageRefusal: no model learns this task from such inputs, or the one named does not read them.
    """
    given = settings.model or Choice()
    if given.name:
        _refuse_unread(given.name, task, ports)
        return Reasoned(given, "as asked")
    if "model" in dataset.facts and dataset.facts.get("task", task) == task:
        return _named(given, dataset.facts["model"], f"made for {dataset.name}")
    kinds = {port.kind for port in ports.inputs}
    fitting = _fitting(task, kinds)
    if not fitting:
        raise UsageRefusal(
            "MODEL_NONE_FITS",
            f"no model learns {task} from {', '.join(sorted(kinds)) or 'nothing'}",
            where=_told(ports),
            why="a net is built for the inputs it reads",
            fix="name one (--model NAME, of thalweg list models), or give your own: tw.train(data, model=MyNet())",
        )
    return _named(given, fitting[0], f"the default for {' and '.join(sorted(kinds))}")


def _fitting(task: str, kinds: set[str]) -> list[str]:
    """The models that learn a task from inputs of these kinds, the preferred one first."""
    parts = registry.parts("model").items()
    found = [name for name, one in parts if one.variant_of is None and task in one.facts.get("tasks", ())]
    fitting = sorted(name for name in found if _reads(registry.facts("model", name), kinds))
    return sorted(fitting, key=lambda name: -registry.facts("model", name).get("preference", 0))


def _refuse_unread(name: str, task: str, ports: Ports) -> None:
    """Return where a model that was named reads inputs of all these kinds."""
    reads, kinds = readable(registry.facts("model", name)), {port.kind for port in ports.inputs}
    unread = sorted(kinds - reads)
    if not reads or not unread:
        return
    fitting = _fitting(task, kinds)
    other = f"leave --model out, which takes {fitting[0]}" if fitting else "give your own: tw.train(data, model=MyNet())"
    others = f", or choose one of {', '.join(fitting[1:6])}" if fitting[1:] else ""
    raise UsageRefusal(
        "MODEL_PORTS",
        f"the model {name} reads {', '.join(sorted(reads))}, and the data give {', '.join(unread)}",
        where=_told(ports),
        why="a net is built for the inputs it reads",
        fix=other + others,
        details={"reads": sorted(reads), "unread": unread, "fitting": fitting},
    )


def _told(ports: Ports) -> str:
    return ", ".join(f"{port.name} ({port.kind})" for port in ports.inputs)


def _reads(facts: Mapping[str, Any], kinds: set[str]) -> bool:
    """A model reads inputs of these kinds, and those that it is for (`needs`) are among them."""
    return bool(set(facts.get("needs", ())) <= kinds <= readable(facts))


def choose_rule(settings: RunSettings, model_facts: Mapping[str, Any], task_facts: Mapping[str, Any]) -> Reasoned:
    """The rule named by the user, else the one that the model, else the task, is learned by.

    Recipes lie underneath what is asked: the task's, then the model's, each where it is meant for the rule that was chosen.
    """
    given = settings.rule or Choice()
    name = given.name or model_facts.get("rule") or task_facts.get("rule", DEFAULT_RULE)
    under: dict[str, Any] = {}
    for facts in (task_facts, model_facts):
        under = overlaid(under, facts.get("recipe", {}) if facts.get("rule", DEFAULT_RULE) == name else {})
    why = "as asked" if given.name else f"how this {'model' if 'rule' in model_facts else 'task'} is learned"
    return Reasoned(Choice(name=name, settings=overlaid(under, given.settings)), why)


def choose_precision(settings: RunSettings, task_facts: Mapping[str, Any]) -> str:
    """The precision asked for, else the one that the task needs, else float32."""
    asked: str = settings.precision
    return str(task_facts.get("precision", "float32")) if asked == "auto" else asked


def _named(given: Choice, name: str, why: str) -> Reasoned:
    return Reasoned(Choice(name=name, settings=given.settings), why)


def augmentation(settings: RunSettings, dataset: Dataset, task_facts: Mapping[str, Any]) -> Sequence[Any]:
    """What the user asked for, else what is harmless; nothing for tasks that learn the data as they are.

    What is harmless the source says, as far as the inputs that it acts on are not left out; else the inputs themselves say it
    of classes: a number may be just what a flip changes.
    """
    if settings.augment is not None:
        return settings.augment
    if task_facts.get("as_they_are", False):
        return ()
    inputs, targets = dataset.encodings.inputs, dataset.encodings.of_role("target")
    if "augment" not in dataset.facts:
        classes = targets and all(encoding.balance is not None for encoding in targets)
        return list(dict.fromkeys(one for encoding in inputs for one in encoding.harmless)) if classes else ()
    kinds = {encoding.kind for encoding in inputs}
    return [one for one in dataset.facts.get("augment", ()) if kinds & set(_acts_on(one))]


def augmentation_name(entry: str | Mapping[str, Any]) -> str:
    """The name of an augmentation that is given as that, or as that with its settings."""
    return entry if isinstance(entry, str) else str(next(iter(entry)))


def _acts_on(entry: str | Mapping[str, Any]) -> Sequence[str]:
    """The kinds that a suggested augmentation acts on."""
    acts_on: Sequence[str] = registry.facts("augmentation", augmentation_name(entry))["kinds"]
    return acts_on
