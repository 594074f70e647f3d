"""Reading: finds the source that understands what was given, and asks it. No source is named here.

A bare name is looked up in the catalogue first, then on disk; a path is matched by its suffix or, for folders, by the source
that is surest of it; objects in memory likewise. What is wrong with a name or path is said before torch is imported.
"""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thalweg.core import registry
from thalweg.core.errors import DataRefusal
from thalweg.data import _paths, catalogue
from thalweg.data._source import Asked
from thalweg.data.download import Told
from thalweg.data.settings import DataSettings

if TYPE_CHECKING:
    from thalweg.data.dataset import Dataset, Examples


ACCEPTED = 5
"""Suffixes of one source that a refusal lists."""


def read(
    given: Any, settings: DataSettings | None = None, *, own: Mapping[str, Any] | None = None, told: Told | None = None
) -> "Examples | Dataset":
    """What a source makes of a path, a catalogued name or an object in memory.

    Args:
        given: path of a file or folder, catalogued name, `gym:NAME`, arrays, tensors, `(X, y)`, mapping of columns, torch
            dataset, iterable of examples; `Examples` and a `Dataset` are handed back.
        own: settings of the source's own, where it declares some.
        told: called while data are fetched, with the bytes that are here and those of the whole file.

    Raises:
        DataRefusal: nothing stands at the path, no source understands it, or its content is refused.
        UsageRefusal: `own` has keys that the source does not declare, or values out of range.
    """
    data = settings or DataSettings()
    name, found, notes = identify(given)
    catalogue.refuse_absent(name, download=data.download)
    asked: Asked[Any] = Asked(found, data, registry.settings_of("source", name, own), told)
    reading = registry.load("source", name)
    before = _paths.snapshot(found)
    result: Examples | Dataset = reading(asked)
    _paths.refuse_changed(found, before)
    _suggest(result, registry.facts("source", name))
    result = _gathered(result, data, registry.facts("source", name))
    if notes:
        result.notes = [*notes, *result.notes]
    return result


def read_in_parts(given: Any, settings: DataSettings) -> "Iterator[Examples]":
    """What `read` makes of a path, some rows at a time, where its source reads it so.

    Raises:
        Irregular: it is to be read whole, by `read`.
    """
    from thalweg.data._parts import Irregular

    name, found, notes = identify(given)
    if notes or not registry.facts("source", name).get("parts"):
        raise Irregular("its source reads all of it")
    before = _paths.snapshot(found)
    part: Examples
    asked: Asked[Any] = Asked(found, settings, registry.settings_of("source", name, None))
    for part in import_module(registry.parts("source")[name].module).in_parts(asked):
        if _gathered(part, settings, registry.facts("source", name)) is not part:
            raise Irregular("series among its columns")
        yield part
    _paths.refuse_changed(found, before)


def _suggest(result: "Examples | Dataset", declared: Mapping[str, Any]) -> None:
    """Tell a domain or environment what its source's declaration says it is for; of examples the target decides."""
    from thalweg.data.dataset import Dataset

    if isinstance(result, Dataset):
        suggested = {fact: declared[fact] for fact in ("task", "model") if fact in declared}
        result.facts = {**suggested, **result.facts}


def _gathered(result: "Examples | Dataset", data: DataSettings, declared: Mapping[str, Any]) -> "Examples | Dataset":
    """A table's series, which stand in many columns or rows, each as one value of a field."""
    from thalweg.data._gathered import gathered
    from thalweg.data.dataset import Examples

    return gathered(result, data) if declared.get("table") and isinstance(result, Examples) else result


def identify(given: Any) -> tuple[str, Any, list[str]]:
    """The name of the source that is meant, what to hand it, and sentences on how that was decided.

    Raises:
        DataRefusal: no source understands what was given.
    """
    if isinstance(given, str | os.PathLike):
        return _named(os.fspath(given)) if isinstance(os.fspath(given), str) else _at(Path(os.fsdecode(given)))
    name = _surest("objects", given)
    if name is None:
        raise _not_understood(given)
    return name, given, []


def catalogued() -> list[str]:
    """The names of all datasets, domains and environments that can be asked for by name."""
    return sorted(name for name, part in registry.parts("source").items() if part.facts.get("catalogued"))


def _named(text: str) -> tuple[str, Any, list[str]]:
    """A catalogued name (case and `_` for `-` forgiven), a scheme, another package's source, or a path."""
    if not text.strip():
        raise _not_understood(text)
    canonical = text.casefold().replace("_", "-")
    if canonical in catalogued():
        beside = f'"{text}" is read from the catalogue; for the one in this folder write ./{text}'
        return canonical, canonical, [beside] if os.path.lexists(text) else []
    scheme, colon, rest = text.partition(":")
    for name, part in registry.parts("source").items():
        if colon and part.facts.get("scheme") == scheme:
            return name, rest, []
    if text in registry.names("source") and text not in registry.parts("source"):
        return text, text, []
    return _at(Path(text).expanduser())


def _at(path: Path) -> tuple[str, Path, list[str]]:
    _paths.refuse_absent(path, known=catalogued())
    if path.is_dir():
        return _folder(path)
    name = _by_suffix(path)
    if name is None:
        said = "" if not path.suffix else f"{_paths.shown(path.name)} is read as a table, by its lines"
        return *_unnamed(path), [said] if said else []
    _paths.refuse_misnamed(path, registry.facts("source", name).get("content"))
    return name, path, []


def _folder(path: Path) -> tuple[str, Path, list[str]]:
    """The source that is surest of a folder, or the one readable file in it."""
    name = _surest("folder", path)
    if name is not None:
        return name, path, []
    files = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    readable = [file for file in files if _by_suffix(file) or _paths.is_tabular(file)]
    if len(readable) != 1:
        raise _paths.not_one_table(path, readable, accepted=_accepted())
    source, file, _ = _at(readable[0])
    return source, file, [f"{_paths.shown(path)} holds one readable file: {_paths.shown(file.name)}"]


def _by_suffix(path: Path) -> str | None:
    """The source with the longest suffix that the file's name ends in; of several, the one that is surest of the file."""
    folded = path.name.casefold()
    fitting = [suffix for suffix in _suffixes() if folded.endswith(suffix)]
    if not fitting:
        return None
    names = _suffixes()[max(fitting, key=len)]
    if len(names) == 1:
        return names[0]
    parts = registry.parts("source")
    return max(names, key=lambda name: import_module(parts[name].module).recognises(path))


def _unnamed(path: Path) -> tuple[str, Path]:
    """The source that declares `unnamed`, for a file of lines such as tables have, whatever its name ends in.

    Raises:
        DataRefusal: it is no such file.
    """
    meant = (name for name, part in registry.parts("source").items() if part.facts.get("unnamed"))
    name = next(meant, None) if _paths.is_tabular(path) else None
    if name is None:
        raise _paths.unknown_suffix(path, accepted=_accepted())
    return name, path


def _suffixes() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, part in registry.parts("source").items():
        for suffix in part.facts.get("suffixes", ()):
            found.setdefault(suffix, []).append(name)
    return found


def _accepted() -> list[str]:
    """Suffixes of plain files that hold a dataset, and not a single example; of one source the first ones that it declares."""
    found: list[str] = []
    for part in registry.parts("source").values():
        if not part.facts.get("single"):
            found += [suffix for suffix in part.facts.get("suffixes", ()) if suffix.count(".") == 1][:ACCEPTED]
    return found


def _surest(fact: str, given: Any) -> str | None:
    """The source with that fact that is surest to understand what was given; None where all say no."""
    sure = {name: recognises(given) for name, recognises in _recognisers(fact)}
    best = max(sure, key=lambda name: sure[name], default=None)
    return best if best is not None and sure[best] > 0 else None


def _recognisers(fact: str) -> Iterator[tuple[str, Any]]:
    for name, part in registry.parts("source").items():
        if part.facts.get(fact):
            yield name, import_module(part.module).recognises


def _not_understood(given: Any) -> DataRefusal:
    kind = f"{type(given).__module__}.{type(given).__qualname__}".removeprefix("builtins.")
    kind = "empty path" if isinstance(given, str) else kind
    return DataRefusal(
        "DATA_NOT_UNDERSTOOD",
        f"no source understands this: {kind}",
        where="the data that were given",
        why="examples must be told apart: rows, and columns or inputs and target",
        fix="give a path, a catalogued name, (X, y), a mapping of columns, a torch Dataset or an iterable of examples",
    )
