"""Declaration: what a part says of itself is true of it, and every setting is minded."""

import contextlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from thalweg.contracts.alternatives import alternatives, illegal
from thalweg.contracts.finding import Beside, Contract, broken
from thalweg.contracts.subject import Subject, seeded
from thalweg.core import registry
from thalweg.core.errors import Refusal
from thalweg.core.registry import Declaration
from thalweg.core.settings import Settings, read_settings


class Declared(Protocol):
    """A part of any sort, as its declaration is looked at."""

    @property
    def kind(self) -> type: ...
    @property
    def file(self) -> Path: ...


def _declaration(subject: Declared) -> Declaration:
    declaration: Declaration = subject.kind.declaration  # type: ignore[attr-defined]
    return declaration


def found_by_scan_and_import(subject: Declared) -> None:
    """Both ways of finding a part agree on its name, facts and class."""
    declaration = _declaration(subject)
    parts = registry.scan(declaration.sort, subject.file)
    mine = [part for part in parts if part.symbol == subject.kind.__name__ and part.variant_of is None]
    if len(mine) != 1:
        broken(
            f"reading {subject.file.name} finds {len(mine)} declarations of {subject.kind.__name__}",
            f'write @{declaration.sort}("name", ...) at the left margin, the name and the facts as literals',
        )
    if dict(mine[0].facts) != dict(declaration.facts) or mine[0].name != declaration.name:
        broken("what is read from its text differs from what it says when imported", "state facts as literals, once")
    if not mine[0].summary:
        broken("its class has no docstring", "say in one line what it computes")


def name_is_unique(subject: Declared) -> None:
    """No other part, shipped or installed, has the name."""
    declaration = _declaration(subject)
    known = registry.parts(declaration.sort).get(declaration.name)
    if known is not None and known.symbol != subject.kind.__name__:
        broken(f'{known.module} already has a {declaration.sort} named "{declaration.name}"', "choose another name")


def settings_survive_json(subject: Declared) -> None:
    """Settings come back from their JSON as they were, those of every variant too."""
    declaration = _declaration(subject)
    for settings in [declaration.settings(), *declaration.variants.values()]:
        if type(settings)(**json.loads(settings.model_dump_json())) != settings:
            broken(f"{settings!r} comes back from JSON as something else", "use numbers, text, tuples and settings only")


def unknown_settings_are_refused(subject: Declared) -> None:
    """A key that the settings do not have is refused by its name."""
    try:
        read_settings(_declaration(subject).settings, {"no_such_setting": 1}, where=subject.kind.__name__)
    except Refusal as refusal:
        if "no_such_setting" in refusal.what:
            return
    broken("an unknown setting is taken in silence", "derive its settings from thalweg.core.settings.Settings")


def illegal_values_are_refused(subject: Subject) -> None:
    """Values that make no sense are refused, by the settings or by the constructor, in words that name the field or value."""
    settings = _settings(subject)
    held = {name: getattr(settings, name) for name in type(settings).model_fields}
    for field in type(settings).model_fields:
        for value in illegal(settings, field):
            try:
                made = read_settings(type(settings), {**held, field: value}, where=subject.name)
                subject.made(made)
            except Refusal as refusal:
                if field in refusal.what or str(value) in refusal.what or "no such value" in refusal.what:
                    continue
                broken(f"{field}={value!r} is refused without being named: {refusal.what}", "name the field and the value")
            except Exception as error:  # noqa: BLE001 - whatever a constructor raises is what was found
                broken(f"{field}={value!r} ends in {type(error).__name__}: {error}", _limits(field))
            broken(f"{field}={value!r} is taken", _limits(field))


def _limits(field: str) -> str:
    return f"state the limits of {field}: Field(..., ge=1), Annotated[int, Field(ge=1)] in tuples, Literal for words"


def every_setting_matters(subject: Subject) -> None:
    """Another value of each field changes the shape of a parameter or buffer, an answer in training or later, or its slope."""
    settings = _settings(subject)
    idle = [field for field in type(settings).model_fields if not _matters(subject, settings, field)]
    if idle:
        broken(f"nothing changes with {', '.join(idle)}", "use the setting, or take it out")


def _matters(subject: Subject, settings: Settings, field: str) -> bool:
    """Whether a field changes something at these settings, or at settings that differ from them in one other field."""
    usual = _traces(subject, settings)
    if any(_differ(usual, _traces(subject, other)) for other in _others(subject, settings, field)):
        return True
    others = [name for name in type(settings).model_fields if name != field]
    near = itertools.chain.from_iterable(itertools.islice(alternatives(settings, name), 3) for name in others)
    return any(_differ(_traces(subject, base), _traces(subject, other)) for base in near for other in alternatives(base, field))


def _others(subject: Subject, settings: Settings, field: str) -> Iterator[Settings]:
    """Settings with another value of a field, those of the published variants among them."""
    yield from alternatives(settings, field)
    held = {name: getattr(settings, name) for name in type(settings).model_fields}
    for variant in _declaration(subject).variants.values():
        with contextlib.suppress(ValidationError):
            yield type(settings)(**{**held, field: getattr(variant, field)})


def _traces(subject: Subject, settings: Settings) -> list[Tensor] | None:
    """Shapes, weights, answers and slopes of a freshly made model in training mode, then its answers in evaluation.

    None where it cannot be made.
    """
    try:
        with seeded(0):
            model = subject.build(settings).train()
            answers = list(subject.outputs(model, subject.rows()).values())
            later = list(subject.answer(model.eval(), subject.rows()).values())
    except (Refusal, RuntimeError, ValueError):
        return None
    return [*_state(model), *(answer.detach() for answer in [*answers, *later]), *_slopes(model, answers)]


def _state(model: nn.Module) -> Iterator[Tensor]:
    for one in model.parameters():
        yield torch.tensor(one.shape)
        yield one.detach()
    yield from (torch.tensor(one.shape) for one in model.buffers())


def _slopes(model: nn.Module, answers: list[Tensor]) -> list[Tensor]:
    trained = [one for one in model.parameters() if one.requires_grad]
    smooth = [answer.float().square().sum() for answer in answers if answer.requires_grad]
    if not smooth or not trained:
        return []
    return list(torch.autograd.grad(torch.stack(smooth).sum(), trained, allow_unused=True, materialize_grads=True))


def _differ(ours: list[Tensor] | None, theirs: list[Tensor] | None) -> bool:
    if ours is None or theirs is None:
        return False
    if len(ours) != len(theirs):
        return True
    return any(a.shape != b.shape or not torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def variants_can_be_built(subject: Subject) -> None:
    """Every published variant can be built, without memory for its weights; or refuses the tiny ports in plain words."""
    declaration = _declaration(subject)
    if not declaration.variants:
        raise Beside("it has no variants")
    for settings in declaration.variants.values():
        with torch.device("meta"), contextlib.suppress(ValueError):
            subject.build(settings)


def facts_name_what_exists(subject: Subject) -> None:
    """Facts that name parts name parts that exist."""
    named = [("task", one) for one in subject.facts.get("tasks", ())]
    drawn = {port.kind for port in subject.ports.inputs if port.drawn}
    named += [("kind", one) for one in subject.facts.get("inputs", ()) if one not in _plurals() | drawn]
    named += [("rule", subject.facts["rule"])] if "rule" in subject.facts else []
    for sort, name in named:
        if name not in registry.names(sort):
            broken(f'there is no {sort} named "{name}"', f"thalweg list {sort}s")


def _plurals() -> set[str]:
    return {str(registry.facts("kind", name).get("plural")) for name in registry.names("kind")}


def _settings(subject: Subject) -> Settings:
    if subject.settings is None:
        raise Beside("it declares no settings")
    return subject.settings


ANY: dict[str, Contract[Declared]] = {
    "it is found by reading its text and by importing it alike": found_by_scan_and_import,
    "its name is its own": name_is_unique,
    "its settings come back from JSON as they were": settings_survive_json,
    "unknown settings are refused by name": unknown_settings_are_refused,
}
"""What the declaration of a part of any sort is held to."""

CONTRACTS: dict[str, Contract[Subject]] = {
    **ANY,
    "its facts name tasks, rules and kinds that exist": facts_name_what_exists,
    "illegal settings are refused by name": illegal_values_are_refused,
    "every setting changes something": every_setting_matters,
    "every published variant can be built": variants_can_be_built,
}
"""What a declared model's declaration is held to."""
