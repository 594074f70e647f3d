"""From what a user says (a settings file, flags, keywords) to the settings of a run; later ones win over earlier ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.core.settings import Choice, read_settings
from thalweg.training.own_parts import OWN
from thalweg.training.settings import RunSettings

PARTS = ("task", "model", "rule")
UNKNOWN = "SETTING_UNKNOWN"
SHORT = {"epochs": "epochs", "steps": "steps", "batch_size": "batch_size", "lr": "rate"}
"""What people call a rule's settings on the command line, and what the rule calls them."""


def run_settings(given: Mapping[str, Any], *, where: str = "the run") -> RunSettings:
    """Validated settings of a run; a file that a run wrote is understood as it is.

    Raises:
        UsageRefusal: unknown keys (all of them named), wrong values, or a rule that lacks a setting that was asked for.
    """
    asked = {key: value for key, value in given.items() if key not in ("chosen", "why", OWN)}
    for name, choice in (given.get("chosen") or {}).items():
        asked[name] = choice if asked.get(name) is None else asked[name]
    _refuse_newer(asked, where)
    refused = [refusal for sort in PARTS if (refusal := _part_refused(sort, asked.get(sort))) is not None]
    try:
        settings = read_settings(RunSettings, asked, where=where)
    except UsageRefusal as refusal:
        refused.insert(0, refusal)
    if refused:
        raise _together(refused)
    return settings


def _refuse_newer(given: Mapping[str, Any], where: str) -> None:
    newest = RunSettings.model_fields["version"].default
    version = given.get("version", newest)
    if isinstance(version, int) and not isinstance(version, bool) and version > newest:
        raise UsageRefusal(
            "SETTINGS_TOO_NEW",
            f"these settings are of version {version}; this thalweg knows version {newest}",
            where=where,
            why="a guess would misread them",
            fix="install the newer thalweg that wrote them: pip install --upgrade thalweg",
        )


def _part_refused(sort: str, given: Any) -> UsageRefusal | None:  # noqa: ANN401 - whatever the user wrote
    """What is wrong with a part that is named and its settings."""
    try:
        choice = Choice.model_validate(given)
    except ValueError:
        return None  # said with the settings around it
    try:
        if choice.name:
            registry.settings_of(sort, choice.name, choice.settings)
    except UsageRefusal as refusal:
        return refusal
    return None


def _together(refused: Sequence[UsageRefusal]) -> UsageRefusal:
    """Several refusals as one that names every problem."""
    if len(refused) == 1:
        return refused[0]
    problems = [f"{one.where}: {text}" for one in refused for text in one.details.get("problems", [one.what])]
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    return UsageRefusal(
        next((one.code for one in refused if one.code == UNKNOWN), refused[0].code),
        "; ".join(problems[:5]) + more,
        where=", ".join(one.where for one in refused),
        why=refused[0].why,
        fix="correct them; thalweg info NAME lists the settings of a part",
        details={"problems": problems},
    )


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings laid over each other: later values win, and a part's bare name keeps the settings given for it."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if value is None and key in result:
                continue
            before = result.get(key)
            if isinstance(before, Mapping) and isinstance(value, Mapping):
                result[key] = merged(before, value)
            elif isinstance(before, Mapping) and isinstance(value, str):
                result[key] = {**before, "name": value}
            elif isinstance(before, str) and isinstance(value, Mapping) and "name" not in value:
                result[key] = {"name": before, **value}
            else:
                result[key] = value
    return result


def rule_settings(short: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the rule from the short names of the command line; those that were not given are left out.

    Raises:
        UsageRefusal: epochs and steps at once.
    """
    if short.get("epochs") is not None and short.get("steps") is not None:
        raise UsageRefusal(
            "SETTINGS_CONFLICT",
            f"epochs={short['epochs']} and steps={short['steps']} both say how long to train",
            where="--epochs, --steps",
            why="only one of them can hold",
            fix="give one of the two",
        )
    settings = {SHORT[name]: value for name, value in short.items() if value is not None}
    return {"rule": settings} if settings else {}
