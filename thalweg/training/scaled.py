"""Recipes for the task and the rows at hand: what a model declares for tables of a hundred rows and for those of a million."""

from collections.abc import Mapping
from typing import Any

SCALED = ("recipe", "settings", "watched", "patience")
"""Settings of the rule, settings of the model, what tells the best weights of each task, and how long none may come."""


def scaled(facts: Mapping[str, Any], task: str, rows: int | None, *, preset: str = "") -> Mapping[str, Any]:
    """A model's facts for a task and so many training rows, its `recipe` and `settings` those that it declares for them.

    The fact `by_task` maps a task to the `recipe` and `settings` that hold for it where they differ; `by_rows` lies above
    and maps a number of rows to those that hold from there on; `presets`, above all, maps a preset to those that differ by it.

    Args:
        rows: training rows; None where they are drawn without end, which is more than any number.
    """
    table: Mapping[int, Mapping[str, Any]] = facts.get("by_rows", {})
    layers = [facts, facts.get("by_task", {}).get(task, {})]
    layers += [table[least] for least in sorted(table) if rows is None or rows >= least]
    layers += [facts.get("presets", {}).get(preset, {})]
    return {**facts, **{name: {key: one for layer in layers for key, one in layer.get(name, {}).items()} for name in SCALED}}
