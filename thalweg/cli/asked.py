"""From flags and a settings file to the settings of a run: flags win over the file, and that is told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.cli.flags import Flag
from thalweg.core.errors import UsageRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.strict_yaml import parse_yaml, read_yaml
from thalweg.core.talk import Talk
from thalweg.training.requested import merged, rule_settings

CHOSEN = ("chosen", "why")
"""What a run adds to the settings that it was asked for."""
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
    rule_settings({"epochs": given["epochs"], "steps": given["steps"]})
    said = _agreed([*_from_flags(given, flags), *map(_from_pair, given["set"] or ())])
    file = given["settings"]
    written = merged(_of_run(given), _written(file, talk) if file is not None else {})
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
    for one in said:
        before = _at(written, one.path)
        if before is not None and before != one.value:
            talk.say(
                "settings",
                f"{one.word} {_short(one.value)} wins over {'.'.join(one.path)} = {_short(before)} in {file or given['out']}",
            )
    return str(data), merged(written, *(_nested(one.path, one.value) for one in said))


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


def _of_run(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the run that is to be resumed, as they were asked for; nothing where none is."""
    file = (given["out"] or Path()) / "settings.yaml"
    if not (given["resume"] and given["out"] and file.is_file()):
        return {}
    written, _ = read_yaml(file)
    return {key: value for key, value in written.items() if key not in CHOSEN} if isinstance(written, dict) else {}


def _written(file: Path, talk: Talk) -> dict[str, Any]:
    """What a settings file says; a relative path of its data is meant from where the file lies."""
    if not file.exists():
        raise UsageRefusal(
            "SETTINGS_NOT_FOUND",
            f"there is no {file}",
            where="--settings",
            why="the run would be another one without it",
            fix="give the path of a settings file, such as runs/NAME/settings.yaml",
        )
    written, notes = read_yaml(file)
    if not isinstance(written, dict) or not written:
        kind = "empty" if not written else f"a {'list' if isinstance(written, list) else 'single value'}"
        raise UsageRefusal(
            "SETTINGS_NOT_A_MAPPING",
            f"{file} is {kind}",
            where=f"{file}:1:1",
            why="settings are names with values",
            fix="write lines such as: model: mlp",
        )
    for note in notes:
        talk.say("settings", note)
    source = written.get("source")
    if isinstance(source, str) and (beside := file.parent / source).exists() and not Path(source).is_absolute():
        talk.say("settings", f"source: {source} is read from where {file.name} lies: {beside}")
        written = written | {"source": str(beside)}
    return written


def _nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    tree: Any = value
    for key in reversed(path):
        tree = {key: tree}
    return dict(tree)


def _at(tree: Any, path: Sequence[str]) -> Any:
    for key in path:
        if isinstance(tree, str) and key == "name":
            return tree
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
