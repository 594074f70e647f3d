"""Recipes for the task and the rows at hand: what a model declares for tables of a hundred rows and for those of a million."""

from collections.abc import Mapping
from typing import Any

from thalweg.rules._rule import RuleSettings

SCALED = ("recipe", "settings", "watched", "patience")
"""Settings of the rule, settings of the model, what tells the best weights of each task, and how long none may come."""


def scaled(facts: Mapping[str, Any], task: str, rows: int | None, *, preset: str = "") -> Mapping[str, Any]:
    """A model's facts for a task and so many training rows, its `recipe` and `settings` those that it declares for them.

    The fact `by_task` maps a task to the `recipe` and `settings` that hold for it where they differ; `by_rows` lies above
    and maps a number of rows to those that hold from there on; `presets`, above all, maps a preset to those that differ by it.

    Where the fact `fewest_steps` is declared, rows so few that the epochs would hold fewer steps are learned more often.

    Args:
        rows: training rows; None where they are drawn without end, which is more than any number.
    """
    table: Mapping[int, Mapping[str, Any]] = facts.get("by_rows", {})
    layers = [facts, facts.get("by_task", {}).get(task, {})]
    layers += [table[least] for least in sorted(table) if rows is None or rows >= least]
    layers += [facts.get("presets", {}).get(preset, {})]
    merged = {name: {key: one for layer in layers for key, one in layer.get(name, {}).items()} for name in SCALED}
    return {**facts, **merged, "recipe": _long_enough(merged["recipe"], rows, facts.get("fewest_steps", 0))}


def _long_enough(recipe: Mapping[str, Any], rows: int | None, fewest: int) -> Mapping[str, Any]:
    """The recipe with so many epochs that they hold the fewest steps."""
    if not rows or "epochs" not in recipe:
        return recipe
    steps = -(-rows // recipe.get("batch_size", RuleSettings.model_fields["batch_size"].default))
    return {**recipe, "epochs": max(recipe["epochs"], -(-fewest // steps))}
