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
    own = {str(sort): str(name) for sort, name in (settings.get(OWN) or {}).items()}
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


def given_again(sort: str, name: str) -> str:
    """How the user's own part is given, as Python: an instance of a model's class, else what it is called."""
    called = name if name.isidentifier() else f"your_{sort}"
    return f"model={called}(...)" if sort == "model" else f"{sort}={called}"


def _name_of(given: Any) -> str:  # noqa: ANN401 - a part as settings have it
    return given if isinstance(given, str) else str((given or {}).get("name") or "")
