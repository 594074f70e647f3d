"""The user's own parts in a run's settings: told by what they are called, since no file can hold them, and asked for again."""

from collections.abc import Mapping
from typing import Any

from thalweg.core.errors import UsageRefusal

OWN = "own"
"""Where settings tell which parts of a run were objects."""


def refuse_lacking(settings: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Return if every part that settings tell as the user's own is given again, or another is named in its place.

    Args:
        given: sort of part to what was given for it; None where nothing was.

    Raises:
        UsageRefusal: one is missing.
    """
    own = own_of(settings)
    lacking = [sort for sort in own if given.get(sort) is None and not _name_of(settings.get(sort))]
    if not lacking:
        return
    again = ", ".join(given_again(sort, name) for sort, name in own.items())
    raise UsageRefusal(
        "OWN_PART_MISSING",
        f"these settings are of a run with your own {' and '.join(f'{sort} {own[sort]}' for sort in lacking)}",
        where=f"settings, {OWN}",
        why="a file cannot hold it, and another part would be trained in its place",
        fix=f"in Python, tw.train(data, {again}, settings=...); or name another (--{lacking[0]} NAME)",
    )


def own_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a run that were given as objects, by sort, as they are called.

    Raises:
        UsageRefusal: the settings tell something else in their place.
    """
    told = settings.get(OWN) or {}
    if not isinstance(told, Mapping):
        raise UsageRefusal(
            "SETTING_INVALID",
            f"{OWN} must be a mapping of a part's sort to what it is called, got a {type(told).__name__}",
            where=f"settings, {OWN}",
            why="parts of your own are never loaded from a file",
            fix=f"leave {OWN} out, and give the part in Python: tw.train(data, model=net)",
        )
    return {str(sort): str(name) for sort, name in told.items()}


def given_again(sort: str, name: str) -> str:
    """How the user's own part is given, as Python: an instance of a model's class, else what it is called."""
    called = name if name.isidentifier() else f"your_{sort}"
    return f"model={called}(...)" if sort == "model" else f"{sort}={called}"


def _name_of(given: Any) -> str:  # noqa: ANN401 - a part as settings have it
    return given if isinstance(given, str) else str((given or {}).get("name") or "")
