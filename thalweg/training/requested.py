"""From what a user says (a settings file, flags, keywords) to the settings of a run; later ones win over earlier ones."""

from collections.abc import Mapping
from typing import Any

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.core.settings import read_settings
from thalweg.training.settings import RunSettings

SHORT = {"epochs": "epochs", "steps": "steps", "batch_size": "batch_size", "lr": "rate"}
"""What people call a rule's settings on the command line, and what the rule calls them."""


def run_settings(given: Mapping[str, Any], *, where: str = "settings") -> RunSettings:
    """Validated settings of a run; a file that a run wrote is understood as it is.

    Raises:
        UsageRefusal: unknown keys (all of them named), wrong values, or a rule that lacks a setting that was asked for.
    """
    asked = {key: value for key, value in given.items() if key not in ("chosen", "why")}
    for name, choice in (given.get("chosen") or {}).items():
        asked[name] = choice if asked.get(name) is None else asked[name]
    settings = read_settings(RunSettings, asked, where=where)
    for sort in ("task", "model", "rule"):
        choice = getattr(settings, sort)
        if choice is not None and choice.name:
            registry.settings_of(sort, choice.name, choice.settings)
    return settings


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
