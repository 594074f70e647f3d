"""Speed plans in a file: those of a run's settings, or plans alone."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thalweg.core.errors import UsageRefusal
from thalweg.core.strict_yaml import read_yaml

NAMED = ("plain", "probe")
"""Ways that need no file."""
VARIABLE = "THALWEG_SPEED"
"""Of the environment: how steps are run where nobody says it."""


def plans_read(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run, with the plans that a file holds where its path stands as `speed`, or in the environment.

    Raises:
        UsageRefusal: there is no such file, or it holds no plan.
    """
    usual, said = os.environ.get(VARIABLE, ""), asked.get("speed")
    given, where = (said, f"--speed {said}") if said is not None else (usual or None, f"{VARIABLE}={usual}")
    if not isinstance(given, str) or given in NAMED:
        return dict(asked)
    path = Path(given)
    if not os.path.isfile(path):
        raise _no_plan(where, f'there is no file "{given}", and it is no way of its own')
    held = read_yaml(path)[0]
    if isinstance(held, Mapping) and "speed" in held:
        held = held["speed"]
    if held not in NAMED and not isinstance(held, list | Mapping):
        raise _no_plan(where, f"{path.name} holds no speed plan")
    return {**asked, "speed": held}


def _no_plan(where: str, what: str) -> UsageRefusal:
    return UsageRefusal(
        "SPEED_UNKNOWN",
        what,
        where=where,
        why="how steps are run decides their last bits",
        fix="--speed plain, --speed probe, or the settings.yaml of a run",
    )
