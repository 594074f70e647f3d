"""From flags and a settings file to the settings of a run: flags win over the file, and that is told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.cli.flags import Flag
from thalweg.core.errors import UsageRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.strict_yaml import parse_yaml
from thalweg.core.talk import Talk
from thalweg.training.requested import (
    LENGTHS,
    asked_before,
    asked_by_options,
    located,
    merged,
    nested,
    run_settings,
    settings_in,
)

NAMED = ("task", "model", "rule")
"""Settings that are a part: a bare word is its name."""


@dataclass(frozen=True)
class Said:
    """One setting that the command line names: where it goes, the flag as it was written, and its value."""

    path: tuple[str, ...]
    word: str
    value: Any


def asked_settings(given: Mapping[str, Any], flags: Sequence[Flag], talk: Talk) -> tuple[str, dict[str, Any]]:
    """The data and the settings that were asked for.

    Raises:
        UsageRefusal: no data, a settings file that is not understood, or two words that contradict each other.
    """
    asked_by_options({"epochs": given["epochs"], "steps": given["steps"]})
    said = _agreed([*_from_flags(given, flags), *map(_from_pair, given["set"] or ())])
    file = given["settings"]
    before = asked_before(given["out"]) if given["resume"] and given["out"] else {}
    written = merged(before, settings_in(file, talk) if file is not None else {})
    data = given["data"] or written.get("source")
    if not data and given["resume"] and given["out"]:
        RunFolder.existing(given["out"])
    if not data:
        raise UsageRefusal(
            "ARGUMENT_MISSING",
            "DATA is missing",
            where="thalweg train",
            why="nothing can be learned without data",
            fix="thalweg train digits, or a path; thalweg list datasets shows the names",
        )
    place = str(file or given["out"])
    for one in said:
        _tell_overruled(one, written, place, talk)
    source = written.get("source")
    if given["data"] and source and located(given["data"]) not in (source, str(Path(str(source)).absolute())):
        talk.say("settings", f"DATA {_short(given['data'])} wins over source = {_short(source)} in {place}")
    asked = merged(written, *(nested(one.path, one.value) for one in said))
    run_settings(asked)  # what is wrong with them is said before torch is imported, unless a part's file imports it
    return str(data), asked


def _from_flags(given: Mapping[str, Any], flags: Sequence[Flag]) -> Iterator[Said]:
    for option in flags:
        value = given[option.name or ""]
        if not option.path or value is None or value == ():
            continue
        path, word = tuple(option.path.split(".")), option.opts[0]
        if not option.many:
            yield Said(path, word, value)
        elif isinstance(value[0], tuple):
            yield from (Said((*path, key), word, one) for key, one in value)
        else:
            yield Said(path, word, [one for one in value if one != "none"])


def _from_pair(pair: tuple[str, str]) -> Said:
    key, text = pair
    path = tuple(key.split("."))
    if not all(path):
        raise UsageRefusal(
            "SETTING_INVALID",
            f'"{key[:60]}" is no key of a setting',
            where="--set",
            why="a dot separates two names",
            fix="--set model.hidden=[64,32]",
        )
    value, _ = parse_yaml(text, where=f"--set {key}")
    named = len(path) == 1 and path[0] in NAMED and isinstance(value, str)
    return Said((*path, "name") if named else path, f"--set {key}", value)


def _agreed(said: Sequence[Said]) -> list[Said]:
    """What was said, each key once.

    Raises:
        UsageRefusal: two words give one key different values.
    """
    by_path: dict[tuple[str, ...], Said] = {}
    for one in said:
        other = by_path.setdefault(one.path, one)
        if other.value != one.value:
            raise UsageRefusal(
                "FLAG_TWICE",
                f"{'.'.join(one.path)} is given twice: {other.word} {_short(other.value)} and {one.word} {_short(one.value)}",
                where=f"{other.word}, {one.word}",
                why="only one of them can hold",
                fix="leave one out",
            )
    return list(by_path.values())


def _tell_overruled(one: Said, written: Mapping[str, Any], place: str, talk: Talk) -> None:
    """Say which value of a settings file does not hold, because a flag says otherwise."""
    *above, key = one.path
    for name in LENGTHS if key in LENGTHS else (key,):
        former = _at(written, (*above, name))
        if former is not None and (name, former) != (key, one.value):
            said = one.word if isinstance(one.value, bool) else f"{one.word} {_short(one.value)}"
            talk.say("settings", f"{said} wins over {'.'.join((*above, name))} = {_short(former)} in {place}")


def _at(tree: Any, path: Sequence[str]) -> Any:
    """The value at a place; settings of a part may stand beside its name or below `settings`."""
    for key in path:
        if isinstance(tree, str) and key == "name":
            return tree
        inner = tree.get("settings") if isinstance(tree, Mapping) else None
        tree = tree.get(key, inner.get(key) if isinstance(inner, Mapping) else None) if isinstance(tree, Mapping) else None
    return tree


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
