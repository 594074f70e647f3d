"""Speed plans in a file: those of a run's settings, or plans alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thalweg.core.errors import UsageRefusal
from thalweg.core.strict_yaml import read_yaml

NAMED = ("plain", "probe")
"""Ways that need no file."""


def plans_read(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run, with the plans that a file holds where its path stands as `speed`.

    Raises:
        UsageRefusal: there is no such file, or it holds no plan.
    """
    given = asked.get("speed")
    if not isinstance(given, str) or given in NAMED:
        return dict(asked)
    path = Path(given)
    if not path.is_file():
        raise _no_plan(given, f'there is no file "{given}", and it is no way of its own')
    held = read_yaml(path)[0]
    if isinstance(held, Mapping) and "speed" in held:
        held = held["speed"]
    if held not in NAMED and not isinstance(held, list | Mapping):
        raise _no_plan(given, f"{path.name} holds no speed plan")
    return {**asked, "speed": held}


def _no_plan(given: str, what: str) -> UsageRefusal:
    return UsageRefusal(
        "SPEED_UNKNOWN",
        what,
        where=f"--speed {given}",
        why="how steps are run decides their last bits",
        fix="--speed plain, --speed probe, or the settings.yaml of a run",
    )
