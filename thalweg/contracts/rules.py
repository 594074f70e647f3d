"""The contracts of learning rules, each tried on the smallest instance and example of a model that is learned by it."""

import functools
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from thalweg.contracts.declaration import ANY
from thalweg.contracts.example import Toy, toy
from thalweg.contracts.excuses import stale
from thalweg.contracts.finding import Beside, Broken, Contract, Finding, broken, checked
from thalweg.contracts.learning import learns
from thalweg.contracts.subject import registered
from thalweg.core import registry
from thalweg.core.errors import Refusal
from thalweg.core.position import Position
from thalweg.core.registry import Declaration
from thalweg.core.tensors import tree_from_files, tree_to_files
from thalweg.rules._rule import Rule
from thalweg.training.loop import Progress, learn

CUT, STEPS = 3, 7
"""Steps after which a short training is cut, and after which it ends."""


@dataclass(frozen=True)
class RuleSubject:
    """A rule with a toy that it can learn."""

    kind: type[Rule]
    file: Path
    name: str
    toy: Toy

    def made(self, **changed: Any) -> Rule:
        """The rule on a fresh tiny model, the same each time."""
        return self.toy.rule(self.toy.model(), self.name, **changed)


def of_class(kind: type[Rule]) -> Iterator[Finding]:
    """What the contracts find of a rule.

    Raises:
        Broken: no model that ships is learned by it.
    """
    declaration: Declaration = kind.declaration  # type: ignore[attr-defined]
    excused: Mapping[str, str] = declaration.facts.get("excused", {})
    yield from checked(CONTRACTS, subject(declaration.name, kind), excused)
    yield from stale(CONTRACTS, excused)


def subject(name: str, kind: type[Rule]) -> RuleSubject:
    """A rule with the toy of a model that names it, whose task names it, or that it takes.

    Raises:
        Broken: no model that ships is learned by it.
    """
    file = Path(inspect.getfile(kind))
    if name not in registry.names("rule"):
        broken(f'the rule "{name}" cannot be named yet', 'declare it as an entry point: [project.entry-points."thalweg.rule"]')
    meant, free = _candidates(name)
    for model in meant:
        return RuleSubject(kind, file, name, toy(registered(model)))
    for model in free:
        try:
            made = RuleSubject(kind, file, name, toy(registered(model)))
            _trained(made, 1)
        except (Refusal, Broken, Beside, RuntimeError):
            continue
        return made
    broken("no model that ships is learned by it", f'declare a model with the fact rule="{name}", tiny() and example()')


def _candidates(name: str) -> tuple[list[str], list[str]]:
    """Models that name the rule, or whose task does; and models that name none, nor does their task, the smallest first."""
    families = {model: part.facts for model, part in registry.parts("model").items() if part.variant_of is None}
    rules = {model: _rule_of(facts) for model, facts in families.items()}
    free = [model for model, rule in rules.items() if rule is None]
    return [model for model, rule in rules.items() if rule == name], sorted(free, key=_size)


@functools.cache
def _size(model: str) -> float:
    """How many weights the tiny instance of a model has."""
    try:
        return float(sum(one.numel() for one in registered(model).made().parameters()))
    except Broken:
        return float("inf")


def _rule_of(facts: Mapping[str, Any]) -> str | None:
    """The rule that a model's facts, or those of its first task, name."""
    tasks = facts.get("tasks", ())
    rule: str | None = facts.get("rule") or (registry.facts("task", tasks[0]).get("rule") if tasks else None)
    return rule


def resumes_to_the_same_bits(subject: RuleSubject) -> None:
    """Cut after some steps, its state written and read, it goes on to the same bits."""
    whole, _ = _trained(subject, STEPS)
    first, progress = _trained(subject, CUT)
    files = tree_to_files({"rule": first.state_dict()})
    second = subject.made(**_length(first, STEPS))
    second.load_state_dict(tree_from_files(files, where="memory")["rule"])
    batches = second.batches(subject.toy.dataset)
    batches.load_state_dict(progress.batches_state)
    learn(second, batches, progress, [])
    ours, theirs = dict(_tensors(whole.state_dict())), dict(_tensors(second.state_dict()))
    differing = [name for name in ours if name not in theirs or not torch.equal(ours[name], theirs[name])]
    if differing or len(ours) != len(theirs):
        broken(f"{(differing or ['its state'])[0]} differs after a cut", "whatever is remembered belongs to `learned`")


class Cut(Progress):
    """Progress of a training that was cut, with what its batches remembered."""

    batches_state: Mapping[str, Any] = {}


def _trained(subject: RuleSubject, steps: int) -> tuple[Rule, Cut]:
    """A training that is stopped after some steps, at the latest."""
    rule = subject.made()
    rule = subject.made(**_length(rule, STEPS))
    batches = rule.batches(subject.toy.dataset)
    progress = Cut(Position(total=rule.steps(batches)), batches.length)

    def stop(now: Progress, learning: Rule) -> None:
        now.stopped = "cut" if now.position.step >= steps else ""

    rule.begin(batches, progress.position)
    learn(rule, batches, progress, [stop])
    progress.stopped, progress.batches_state = "", batches.state_dict()
    return rule, progress


def _length(rule: Rule, steps: int) -> dict[str, int]:
    return {"steps": steps} if "steps" in type(rule.settings).model_fields else {}


def _tensors(state: Any, path: str = "state") -> Iterator[tuple[str, Tensor]]:
    """Every tensor and number of nested state, by its path."""
    if isinstance(state, Tensor):
        yield path, state
    elif isinstance(state, Mapping):
        for name, one in state.items():
            yield from _tensors(one, f"{path}.{name}")
    elif isinstance(state, list | tuple):
        for index, one in enumerate(state):
            yield from _tensors(one, f"{path}.{index}")
    elif isinstance(state, int | float):
        yield path, torch.tensor(state, dtype=torch.float64)


def same_seed_same_weights(subject: RuleSubject) -> None:
    """Two trainings of the same seed end with the same bits; one of another seed does not, where anything is drawn."""
    first, second = _trained(subject, STEPS)[0], _trained(subject, STEPS)[0]
    ours, theirs = dict(_tensors(first.state_dict())), dict(_tensors(second.state_dict()))
    differing = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    if differing:
        broken(f"{differing[0]} differs between two trainings of the same seed", "draw from at.generator(name) only")


def steps_report_scalars(subject: RuleSubject) -> None:
    """A step reports detached scalars, `loss` among them."""
    rule, progress = _trained(subject, 1)
    report = progress.report
    if not progress.position.total:
        raise Beside("it takes no steps: all is done at the beginning")
    if "loss" not in report:
        broken(f"a step reports {', '.join(report) or 'nothing'}", "report `loss`: what goes down while it learns")
    for name, one in report.items():
        if one.numel() != 1 or one.requires_grad:
            broken(f"{name} is no detached scalar but {tuple(one.shape)}", "report mean().detach()")
    if not isinstance(rule.shipped, nn.Module):
        broken("what it ships is no module", "set self.shipped")


def what_is_learned_is_state(subject: RuleSubject) -> None:
    """What ships is part of what a checkpoint holds."""
    rule = subject.made()
    held = {name for name, _ in _tensors(rule.state_dict())}
    if not held:
        broken("its state is empty", "name all that holds state in self.learned")
    missing = [name for name in rule.shipped.state_dict() if not any(one.endswith(f".{name}") for one in held)]
    if missing:
        broken(f"{missing[0]} of what ships is in no checkpoint", "name the module that ships in self.learned")


def it_learns_its_toy(subject: RuleSubject) -> None:
    """It comes most of the way from the trivial answer to a perfect one, or as far as the model of its toy states."""
    learns(subject.toy, subject.made())


CONTRACTS: dict[str, Contract[RuleSubject]] = {
    **ANY,
    "cut and resumed it ends with the same bits": resumes_to_the_same_bits,
    "the same seed gives the same bits": same_seed_same_weights,
    "its steps report detached scalars, the loss among them": steps_report_scalars,
    "what ships is part of its state": what_is_learned_is_state,
    "it learns its toy": it_learns_its_toy,
}
"""What a learning rule is held to."""
