"""Settings that are to be looked for: `auto` in the place of a rate or a batch size, and what an earlier search came to."""

from collections.abc import Mapping
from typing import Any

AUTO = "auto"
SOUGHT = {"rate": "find_lr", "batch_size": "find_batch_size"}
"""Settings of the rule that can be looked for, and the run's setting that says so."""


def searched_for(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run with each `auto` of its rule as the wish to search and to use what is found."""
    rule = asked.get("rule")
    if not isinstance(rule, Mapping):
        return dict(asked)
    inner = rule.get("settings") if isinstance(rule.get("settings"), Mapping) else {}
    auto = [key for key in SOUGHT if AUTO in (rule.get(key), (inner or {}).get(key))]
    if not auto:
        return dict(asked)
    kept = {key: value for key, value in rule.items() if key not in auto}
    if inner:
        kept["settings"] = {key: value for key, value in inner.items() if key not in auto}
    return {**asked, "rule": kept or None} | {SOUGHT[key]: "use" for key in auto}


def found_before(asked: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a run wrote, with what its search found and used in the place of the search.

    Args:
        chosen: the parts that the run chose, by sort.
    """
    held = (chosen.get("rule") or {}).get("settings") or {}
    used: dict[str, Any] = {key: held[key] for key, find in SOUGHT.items() if asked.get(find) == "use" and key in held}
    rule = asked.get("rule")
    if not used:
        return dict(asked)
    given = dict(rule) if isinstance(rule, Mapping) else dict(chosen["rule"])
    told = {**given, "settings": {**(given.get("settings") or {}), **used}}
    return {**asked, "rule": told} | {SOUGHT[key]: "no" for key in used}
