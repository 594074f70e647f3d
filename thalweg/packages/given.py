"""Data given to a model: read as its training data was, and named by the fields that it was trained with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from thalweg.core import registry
from thalweg.core.errors import DataRefusal
from thalweg.core.settings import read_settings
from thalweg.core.talk import Talk
from thalweg.data._other_kinds import other_kinds
from thalweg.data.dataset import Examples
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.fields.encoding import Column
from thalweg.packages.arranged import arranged
from thalweg.packages.described import DESCRIPTION, mended_by_another_copy
from thalweg.packages.package import Package


def reading(package: Package, data: DataSettings | None = None) -> DataSettings:
    """How data for a model are read: arrays taken for what they were taken for when it was trained.

    Args:
        data: what is said of these data beyond that.
    """
    with mended_by_another_copy(DESCRIPTION):
        said = read_settings(DataSettings, package.facts.get("reading", {}), where=DESCRIPTION)
    known = {name: one.kind for one in package.encodings.values() if one.grouped for name in one.fields} | _found(package)
    targets = [name for one in package.encodings.of_role("target") for name in one.fields]
    data = DataSettings.model_validate(said.model_dump(exclude_unset=True) | (data or said).model_dump(exclude_unset=True))
    target = data.target or (targets[0] if len(targets) == 1 else None)
    return data.model_copy(update={"fields": {**known, **said.fields, **data.fields}, "target": target})


def _found(package: Package) -> dict[str, str]:
    """What was found of the columns that series were gathered from when the model was trained."""
    said = package.facts.get("data")
    found = said.get("reading", {}) if isinstance(said, Mapping) else {}
    return {str(name): str(word) for name, word in found.items()} if isinstance(found, Mapping) else {}


def columns_of(
    package: Package, given: Any, data: DataSettings | None = None, *, talk: Talk | None = None
) -> Mapping[str, Column]:
    """The raw columns of what was given, by field name.

    Args:
        given: a path, several of them (`Path`s), arrays, a mapping of columns, or whatever a source understands.
        data: what is said of it beyond what the model knows.
        talk: hears what was read and what was not.

    Raises:
        DataRefusal: it cannot be read, or its columns are not those that the model reads.
    """
    if isinstance(given, list) and given and all(isinstance(one, Path) for one in given):
        return _one_after_another([columns_of(package, one, data, talk=talk) for one in given], given)
    if isinstance(given, np.ndarray | list):
        return arranged(package.encodings, given)
    wanted = [name for one in package.encodings.inputs for name in one.fields]
    if isinstance(given, Mapping) and not _is_gathered(package, given, wanted) and not _holds_tables(given, wanted):
        return given
    settings = reading(package, data)
    examples = read(given, settings)
    if not isinstance(examples, Examples):
        raise DataRefusal(
            "PREDICT_DRAWN",
            f"{examples.name} holds no rows, so there is nothing to predict for",
            where="predict",
            why="it is drawn, played in, or one running text; answers are asked for examples of your own",
            fix=f"give columns: {', '.join(wanted)}" if package.read else _wishes(package),
        )
    if examples.notes and talk is not None:
        talk.say("data", *examples.notes)
    inputs = [name for name in examples.columns if examples.roles.get(name) != "target"]
    if len(wanted) == len(inputs) == 1:  # one input, one column: nothing else can be meant
        kind = package.encodings.inputs[0].kind
        said = settings.fields.get(inputs[0])
        found = said if said in registry.names("kind") else examples.kinds.get(inputs[0], kind)
        if found != kind:
            raise other_kinds({wanted[0]: kind}, {found: 1}, inputs)
        return {wanted[0]: examples.columns[inputs[0]]}
    return examples.columns


def _wishes(package: Package) -> str:
    """What may be asked of a model that reads no examples."""
    return f"give no data, but what is wanted: {', '.join(f'--{name}' for name in package.task.asks.model_fields)}"


def _is_gathered(package: Package, given: Mapping[str, Any], wanted: Sequence[str]) -> bool:
    """Whether a mapping lacks fields that are gathered from several columns or rows."""
    return bool(_found(package)) and not set(wanted) <= set(given)


def _holds_tables(given: Mapping[str, Any], wanted: Sequence[str]) -> bool:
    """Whether a mapping holds arrays (N, F) among which the fields that it lacks may be."""
    tables = [one for one in given.values() if isinstance(one, np.ndarray | Tensor) and one.ndim == 2]
    return bool(tables) and not set(wanted) <= set(given)


def _one_after_another(parts: Sequence[Mapping[str, Column]], paths: Sequence[Path]) -> dict[str, Column]:
    """The rows of several files, in the order in which these were given.

    Raises:
        DataRefusal: they have other columns.
    """
    for columns, path in zip(parts, paths, strict=True):
        if set(columns) != set(parts[0]):
            raise DataRefusal(
                "PREDICT_COLUMNS_DIFFER",
                f"{path.name} has the columns {', '.join(columns)}, {paths[0].name} has {', '.join(parts[0])}",
                where=str(path),
                why="their rows are put one after another",
                fix="predict for them one by one",
            )
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}
