"""From what a user says (a settings file, flags, keywords) to the settings of a run; later ones win over earlier ones."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.core.redaction import refuse_secrets
from thalweg.core.run_folder import RunFolder
from thalweg.core.settings import Choice, Settings, read_settings
from thalweg.core.strict_yaml import read_yaml
from thalweg.core.talk import Talk
from thalweg.data.read import identify
from thalweg.models.weights.asked import under_weights
from thalweg.training.own_parts import OWN
from thalweg.training.settings import RunSettings
from thalweg.training.sought import found_before, searched_for
from thalweg.training.speed_file import plans_read

PARTS = ("task", "model", "rule")
UNKNOWN = "SETTING_UNKNOWN"
CHOSEN = ("chosen", "why")
"""What a run adds to the settings that it was asked for."""
LENGTHS = ("epochs", "steps")
"""Settings of a rule that say the same thing: how long. Only one of them holds."""
OPTIONS = {
    "target": "data.target", "epochs": "rule.epochs", "steps": "rule.steps", "batch_size": "rule.batch_size", "lr": "rule.rate",
    "seed": "seed", "patience": "stopping.patience", "augment": "augment", "device": "device", "precision": "precision",
    "threads": "threads", "speed": "speed", "profile": "profile",
    "deterministic": "deterministic", "split": "data.split", "field": "data.fields",
    "ignore": "data.ignore",
    "group": "data.group", "time": "data.time", "image_size": "data.image_size", "image_pixels": "data.image_pixels",
    "header": "data.header", "drop_missing_target": "data.drop_missing_target", "on_bad_file": "data.on_bad_file",
    "on_bad_row": "data.on_bad_row", "delimiter": "data.delimiter", "decimal": "data.decimal", "encoding": "data.encoding",
    "sheet": "data.sheet", "missing": "data.missing", "date_order": "data.date_order",
    "parse_numbers": "data.parse_numbers", "download": "data.download", "weights": "weights", "freeze": "rule.freeze",
    "keep": "data.keep", "keep_duplicates": "data.keep_duplicates", "check": "check", "compare": "compare", "margin": "margin",
    "time_limit": "time_limit", "preset": "preset", "find_lr": "find_lr", "find_batch_size": "find_batch_size",
}  # fmt: skip
"""What settings are called by those who do not write a settings file, and where they stand in one."""


def run_settings(given: Mapping[str, Any], *, where: str = "the run") -> RunSettings:
    """Validated settings of a run; a file that a run wrote is understood as it is.

    Raises:
        UsageRefusal: unknown keys (all of them named), wrong values, or a rule that lacks a setting that was asked for.
    """
    refuse_secrets(given, where=where)
    _refuse_shapeless(given, where)
    asked = {key: value for key, value in given.items() if key not in (*CHOSEN, OWN)}
    asked = found_before(asked, given.get("chosen") or {})
    asked = plans_read(searched_for(asked))
    for name, choice in (given.get("chosen") or {}).items():
        asked[name] = choice if asked.get(name) is None else asked[name]
    if asked.get("time_limit") is not None and given.get("rule") is None and isinstance(asked.get("rule"), Mapping):
        asked["rule"] = _of_no_length(asked["rule"])  # a time says how long, whatever the recipe does
    _refuse_newer(asked, where)
    if isinstance(asked.get("weights"), str):
        asked = under_weights(asked, asked["weights"])
    _refuse_length_and_limit(given)
    refused = [refusal for sort in PARTS if (refusal := _part_refused(sort, asked.get(sort))) is not None]
    try:
        settings = read_settings(RunSettings, asked, where=where)
    except UsageRefusal as refusal:
        refused.insert(0, refusal)
    if refused:
        raise _together(refused)
    return settings


def _refuse_shapeless(given: Mapping[str, Any], where: str) -> None:
    """Raise where something is no mapping that is looked into before all settings are validated."""
    wrong = [name for name, one in _looked_into(given) if one is not None and not isinstance(one, Mapping | Settings)]
    if wrong:
        raise UsageRefusal(
            "SETTING_INVALID",
            f"{' and '.join(wrong)} must hold names with values",
            where=where,
            why="a setting that is not understood would otherwise be skipped in silence",
            fix=f"write {wrong[0]} as names with values, or leave it out",
        )


def _looked_into(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What must be a mapping where it is said, by its place."""
    yield from ((name, given.get(name)) for name in ("data", "stopping", "chosen"))
    chosen, stages = given.get("chosen"), given.get("stages")
    parts = [(sort, None if isinstance(given.get(sort), str) else given.get(sort)) for sort in PARTS]
    parts += [(f"chosen.{sort}", one) for sort, one in chosen.items()] if isinstance(chosen, Mapping) else []
    rules = [one.get("rule") if isinstance(one, Mapping) else None for one in stages] if isinstance(stages, list) else []
    parts += [(f"stages.{number}.rule", one) for number, one in enumerate(rules)]
    yield from parts
    yield from ((f"{name}.settings", one.get("settings")) for name, one in parts if isinstance(one, Mapping))


def _refuse_length_and_limit(given: Mapping[str, Any]) -> None:
    """Raise where a time limit and a number of epochs or steps are both asked for."""
    if given.get("time_limit") is None:
        return
    stages = given.get("stages") if isinstance(given.get("stages"), list) else []
    rules = [given.get("rule"), *(one.get("rule") for one in stages or () if isinstance(one, Mapping))]
    flat = [{**one, **(one.get("settings") or {})} for one in rules if isinstance(one, Mapping)]
    lengths = [(key, one[key]) for one in flat for key in LENGTHS if one.get(key) is not None]
    if lengths:
        key, value = lengths[0]
        raise UsageRefusal(
            "SETTINGS_CONFLICT",
            f"time_limit={given['time_limit']} and {key}={value} both say how long to train",
            where=f"--time-limit, --{key}",
            why="only one of them can hold",
            fix="give one of the two",
        )


def _refuse_newer(given: Mapping[str, Any], where: str) -> None:
    newest = RunSettings.model_fields["version"].default
    version = given.get("version", newest)
    if isinstance(version, int) and not isinstance(version, bool) and version > newest:
        raise UsageRefusal(
            "SETTINGS_TOO_NEW",
            f"these settings are of version {version}; this thalweg knows version {newest}",
            where=where,
            why="a guess would misread them",
            fix="install the newer thalweg that wrote them: pip install --upgrade thalweg",
        )


def _part_refused(sort: str, given: Any) -> UsageRefusal | None:  # noqa: ANN401 - whatever the user wrote
    """What is wrong with a part that is named and its settings."""
    try:
        choice = Choice.model_validate(given)
    except ValueError:
        return None  # said with the settings around it
    try:
        if sort == "rule":
            _refuse_two_lengths(choice.settings)
        if choice.name:
            settings_of_part(sort, choice.name, choice.settings)
    except UsageRefusal as refusal:
        return refusal
    return None


def settings_of_part(sort: str, name: str, given: Mapping[str, Any]) -> Settings:
    """The settings of a named part; what an option of the command line means to others but not to it is told by that option.

    Raises:
        UsageRefusal: unknown part, unknown key or value out of range.
    """
    known = registry.load(sort, name).declaration.settings.model_fields
    options = {path.partition(".")[2]: option for option, path in OPTIONS.items() if path.startswith(f"{sort}.")}
    foreign = [key for key in given if key in options and key not in known]
    if not foreign:
        return registry.settings_of(sort, name, given)
    flags = " and ".join(f"--{options[key]}".replace("_", "-") for key in foreign)
    takes = f"takes {', '.join(known)}" if known else "takes no settings"
    raise UsageRefusal(
        UNKNOWN,
        f"the {sort} {name} has no {' and no '.join(foreign)} ({flags}); it {takes}",
        where=f"{sort} {name}",
        why="a setting that is not understood would otherwise be skipped in silence",
        fix=f"leave {flags} out; thalweg info {name} tells what it takes",
    )


def overlaid(under: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A part's settings with those that were given laid over them: steps that were given replace epochs, and the reverse."""
    if any(given.get(key) is not None for key in LENGTHS):
        under = {key: value for key, value in under.items() if key not in LENGTHS}
    return {**under, **given}


def _together(refused: Sequence[UsageRefusal]) -> UsageRefusal:
    """Several refusals as one that names every problem."""
    if len(refused) == 1:
        return refused[0]
    problems = [f"{one.where}: {text}" for one in refused for text in one.details.get("problems", [one.what])]
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    return UsageRefusal(
        next((one.code for one in refused if one.code == UNKNOWN), refused[0].code),
        "; ".join(problems[:5]) + more,
        where=", ".join(one.where for one in refused),
        why=refused[0].why,
        fix="correct them; thalweg info NAME lists the settings of a part",
        details={"problems": problems},
    )


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings laid over each other: later values win, and a part's bare name keeps the settings given for it."""
    result: dict[str, Any] = {}
    for layer in layers:
        result = _shortened(result, layer)
        for key, value in layer.items():
            if value is None and key in result:
                continue
            before = result.get(key)
            if isinstance(before, Mapping) and isinstance(value, Mapping):
                result[key] = merged(before, value)
            elif isinstance(before, Mapping) and isinstance(value, str):
                result[key] = {**before, "name": value}
            elif isinstance(before, str) and isinstance(value, Mapping) and "name" not in value:
                result[key] = {"name": before, **value}
            else:
                result[key] = value
    return result


def _shortened(before: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """What came before without the length that the next layer says anew, be it in the other unit."""
    return dict(before) if all(layer.get(key) is None for key in LENGTHS) else _of_no_length(before)


def _of_no_length(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part without what says how long it takes."""
    return {
        key: _of_no_length(value) if key == "settings" and isinstance(value, Mapping) else value
        for key, value in part.items()
        if key not in LENGTHS
    }


def nested(path: Sequence[str], value: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    """A value within mappings of one key each."""
    tree = value
    for key in reversed(path):
        tree = {key: tree}
    return dict(tree)


def asked_by_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from the short names; those that were not given are left out.

    Raises:
        UsageRefusal: epochs and steps at once.
    """
    _refuse_two_lengths(options)
    given = {path: options[name] for name, path in OPTIONS.items() if options.get(name) is not None}
    return merged(*(nested(path.split("."), value) for path, value in given.items()))


def _refuse_two_lengths(given: Mapping[str, Any]) -> None:
    if any(given.get(key) is None for key in LENGTHS):
        return
    raise UsageRefusal(
        "SETTINGS_CONFLICT",
        f"epochs={given['epochs']} and steps={given['steps']} both say how long to train",
        where="--epochs, --steps",
        why="only one of them can hold",
        fix="give one of the two",
    )


def asked_before(out: Path) -> dict[str, Any]:
    """The settings of the run in a folder as they were asked for; nothing where none was written yet.

    Raises:
        UsageRefusal: its settings file cannot be read.
    """
    file = RunFolder(out).settings
    written = read_yaml(file)[0] if file.is_file() else {}
    return {key: value for key, value in written.items() if key not in CHOSEN} if isinstance(written, dict) else {}


def located(data: str | Path) -> str:
    """What a settings file calls data: a path in full, so that it means the same from any folder; a catalogued name as it is.

    Raises:
        DataRefusal: nothing stands there, and nothing is called so.
    """
    _, found, _ = identify(data)
    return str(Path(data).expanduser().absolute()) if isinstance(found, Path) else str(data)


def settings_in(file: Path, talk: Talk) -> dict[str, Any]:
    """What a settings file says; a relative path of its data is meant from where the file lies.

    Raises:
        UsageRefusal: there is none, or it holds no settings.
    """
    if not os.path.exists(file):
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
