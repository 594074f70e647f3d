"""Presets: how much effort a training is worth. What a model has more or less of it declares itself; here it learns longer.

A model's fact `presets` maps a preset to the `recipe` and `settings` that differ, and may say as `length` for which share of
the usual steps it learns by it. The rest follows the general rule: a third of the steps for `fast`, twice as many for `best`.
"""

from collections.abc import Mapping
from typing import Any

from thalweg.core.settings import Choice
from thalweg.training.requested import LENGTHS

SHARES: Mapping[str, float] = {"fast": 1 / 3, "good": 1.0, "best": 2.0}
"""Of the usual steps, where a model does not say."""

SHORT = 500
"""Steps that a training keeps, if it has so many: they are fast whatever they are for."""


def share_of_length(facts: Mapping[str, Any], preset: str, asked: Choice | None, changed: Mapping[str, Any]) -> float:
    """The share of the usual steps; 1 where the user said how long, or the preset's own recipe does.

    Args:
        facts: what the model declares.
        asked: the rule as the user asked for it.
        changed: its settings that differ in this stage.
    """
    declared = facts.get("presets", {}).get(preset, {})
    given = (asked.settings if asked is not None else {}, changed, declared.get("recipe", {}))
    if any(one.get(key) is not None for one in given for key in LENGTHS):
        return 1.0
    return float(declared.get("length", SHARES[preset]))


def scaled_steps(total: int, share: float, length: int | None) -> int:
    """A share of the steps, of whole epochs where there are any; what is short already is not made shorter."""
    if share == 1 or not total:
        return total
    unit = length if length is not None and total % length == 0 else 1
    return max(-(-min(total, SHORT) // unit), round(total / unit * share)) * unit


def lasting(total: int, usual: int, length: int | None) -> str:
    """So many steps as epochs where there are whole ones, and what that is of the usual; nothing where there are none."""
    if not total:
        return ""
    epochs = length is not None and total % length == 0
    count, unit = (total // length, "epoch") if epochs and length is not None else (total, "step")
    often = f", {_times(total / usual)} as usual" if total != usual else ""
    return f"{count:,} {unit}{'s' if count > 1 else ''}{often}"


def _times(share: float) -> str:
    return {0.5: "half as long", 2.0: "twice as long"}.get(share, f"{share:.2g} times as long")


def chosen_by(preset: str, facts: Mapping[str, Any], held: Mapping[str, Any], told: str) -> str:
    """What a preset chose and why, in a line.

    Args:
        held: settings of model and rule that hold: where the user said otherwise, it was not the preset.
        told: how long the training is, in words; empty where that is not the preset's to say.
    """
    declared = facts.get("presets", {})
    own, keys = _own(declared.get(preset, {})), {key for one in declared.values() for key in _own(one)}
    parts = [f"{key.replace('_', ' ')} {value}" for key, value in own.items() if held.get(key) == value]
    others = " or ".join(f"--preset {one}" for one in SHARES if one != preset)
    said = ", ".join(filter(None, [told, *parts]))
    if not said and not keys:
        return f"{preset}: this model knows no other"
    usual = " and ".join(sorted(key.replace("_", " ") for key in keys)) + " as usual"
    return f"{preset}: {said or usual}; other: {others}"


def _own(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings of model and rule that a preset declares."""
    return {**declared.get("settings", {}), **declared.get("recipe", {})}
