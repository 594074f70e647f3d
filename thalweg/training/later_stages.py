"""Stages that come later: what each asks for is held against its parts before the first one learns."""

from collections.abc import Mapping
from typing import Any

from thalweg.core import registry
from thalweg.core.settings import Choice, Settings, read_settings
from thalweg.training.requested import overlaid, settings_of_part
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Own, Stage


def refuse_unfit_later(settings: RunSettings, own: Own, first: Stage) -> None:
    """Return where the settings of each stage after this one are settings of its parts.

    Else the stages before it would have learned in vain: other settings cannot go on from their checkpoints.

    Args:
        first: the stage that is about to learn; its parts are those of stages that name none.

    Raises:
        UsageRefusal: unknown part, unknown key or value out of range.
    """
    now = first.progress.position.stage
    of_its_own = "name" in settings.stages[now].rule
    for changed in settings.stages[now + 1 :]:
        _refuse_rule(settings, changed.rule, own, "" if of_its_own else first.choices["rule"].name)
        if own.model is None:
            model = first.choices["model"]
            registry.settings_of("model", model.name, {**model.settings, **changed.model})


def _refuse_rule(settings: RunSettings, changed: Mapping[str, Any], own: Own, name: str) -> None:
    """Return where these are settings of the rule of a stage, which has this name where it says none."""
    asked, differing = settings.rule or Choice(), Choice.model_validate(changed)
    if own.rule is not None:
        declaration = own.rule.declaration  # type: ignore[attr-defined]
        _refuse_parts(read_settings(declaration.settings, overlaid(asked.settings, changed), where=f"rule {declaration.name}"))
    elif differing.name:
        _refuse_parts(settings_of_part("rule", differing.name, differing.settings))
    elif asked.name or name:
        _refuse_parts(settings_of_part("rule", asked.name or name, overlaid(asked.settings, differing.settings)))


def _refuse_parts(settings: Settings) -> None:
    """Return where the parts that settings name are known, and take what they are given: an optimizer, a schedule."""
    for sort, choice in settings:
        if isinstance(choice, Choice) and choice.name and sort in registry.ROOMS:
            registry.settings_of(sort, choice.name, choice.settings)
