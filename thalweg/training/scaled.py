"""Recipes scaled by the data: what a model declares for tables of a hundred rows and for those of a million."""

from collections.abc import Mapping
from typing import Any


def scaled(facts: Mapping[str, Any], rows: int | None) -> Mapping[str, Any]:
    """A model's facts for so many training rows, its `recipe` and `settings` those that it declares for them.

    The fact `by_rows` maps a number of rows to the `recipe` and `settings` that hold from there on, where they differ.

    Args:
        rows: training rows; None where they are drawn without end, which is more than any number.
    """
    table: Mapping[int, Mapping[str, Any]] = facts.get("by_rows", {})
    recipe, settings = dict(facts.get("recipe", {})), dict(facts.get("settings", {}))
    for least in sorted(table):
        if rows is None or rows >= least:
            recipe |= table[least].get("recipe", {})
            settings |= table[least].get("settings", {})
    return {**facts, "recipe": recipe, "settings": settings}
