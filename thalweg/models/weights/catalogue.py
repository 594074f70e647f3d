"""The catalogue of published weights: where a file lies here, or how it is fetched if the user asks.

An entry is the declaration of its part: `model` that it fills, `files` (name, bytes, digest) at `address`, files `alike` that
hold the same weights in another form and may lie in a local folder, `licence`, and which data it is `made_for`. Looked for
are THALWEG_DATA with its folders `weights` and `pretrained`, then the cache (THALWEG_HOME, else the system's).
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, UsageRefusal
from thalweg.data.catalogue import File, cache
from thalweg.data.download import Told, digest_of_kind, fetch
from thalweg.models.weights._made_for import MADE_FOR

FOLDERS = ("weights", "pretrained", ".")
"""Folders of THALWEG_DATA that may hold files of weights."""


@dataclass(frozen=True)
class Entry:
    """One published set of weights.

    Attributes:
        model: the model, or the variant of one, that they fill.
        file: what is published.
        alike: the same weights in other forms, which nobody fetches.
        data: settings of the data that they were made for, under what the user says.
        least: shape of a picture below which they bring little.
        brings: what a user of few rows gains by them, in some words; empty where others are told of first.
        lower: layers that serve all pictures alike, and stay as they are when the rest is fine-tuned.
    """

    name: str
    model: str
    file: File
    alike: tuple[File, ...]
    address: str
    licence: str
    data: Mapping[str, Any]
    least: tuple[int, ...]
    brings: str
    lower: tuple[str, ...] = ()

    def suits(self, shapes: Sequence[Sequence[int]]) -> bool:
        """Whether inputs of these shapes are all as large as those that the weights are for."""
        return all(len(shape) == len(self.least) and all(map(int.__ge__, shape, self.least)) for shape in shapes)


def entry(name: str) -> Entry:
    """The entry of that name.

    Raises:
        UsageRefusal: there is none; the nearest is given.
    """
    facts = registry.facts("weights", name)
    [published], made_for = facts["files"], MADE_FOR[facts["made_for"]]
    return Entry(
        name,
        facts["model"],
        File(*published),
        tuple(File(*one) for one in facts.get("alike", ())),
        facts["address"],
        facts["licence"],
        made_for.data,
        made_for.least,
        facts.get("brings", ""),
        facts.get("lower", ()),
    )


def entries() -> list[Entry]:
    """All entries that ship with thalweg, by name."""
    return [entry(name) for name in sorted(registry.parts("weights"))]


def local(known: Entry) -> tuple[Path, File] | None:
    """Where an entry's weights lie already, and as which file; only the size is looked at."""
    given = os.environ.get("THALWEG_DATA")
    folders = [Path(given).expanduser() / folder for folder in FOLDERS] if given else []
    for folder in (*folders, cache("weights")):
        for file in (known.file, *known.alike):
            path = folder / file.name
            if path.is_file() and path.stat().st_size == file.size:
                return path, file
    return None


def obtain(known: Entry, *, download: bool, told: Told | None = None) -> Path:
    """The file that holds an entry's weights, fetched first if that is wanted and needed; its digest is checked.

    Raises:
        DataRefusal: it is not here and `download` was not asked for, or it is not the file that is known.
        ResourceRefusal: the network or the disk failed.
    """
    found = local(known)
    if found is None and not download:
        raise _absent(known)
    if found is None:
        path, file = cache("weights") / known.file.name, known.file
        return fetch(known.address + file.name, path, size=file.size, digest=file.digest, told=told)
    path, file = found
    if digest_of_kind(path, file.digest.partition(":")[0]) != file.digest:
        raise DataRefusal(
            "WEIGHTS_ALTERED",
            f"{path.name} is not the file that is known by that name",
            where=str(path),
            why=f"its digest is not {file.digest}",
            fix=f"remove it, then: thalweg weights get {known.name}",
        )
    return path


def for_model(model: str) -> Entry:
    """An entry for a model, by which its published layout is known.

    Raises:
        UsageRefusal: no layout is known for it.
    """
    fitting = [one for one in entries() if one.model == model]
    if fitting:
        return fitting[0]
    raise UsageRefusal(
        "WEIGHTS_NO_LAYOUT",
        f"no published layout of weights is known for the model {model}",
        where="--weights",
        why="which of its tensors is which could only be guessed",
        fix=f"name a model of {', '.join(dict.fromkeys(one.model for one in entries()))}",
    )


def _absent(known: Entry) -> DataRefusal:
    return DataRefusal(
        "WEIGHTS_NOT_HERE",
        f"the weights {known.name} are not on this machine: {known.file.size / 1e6:,.1f} MB, licence: {known.licence}",
        where=known.address + known.file.name,
        why="the network is used only when asked",
        fix=f"thalweg weights get {known.name}",
        details={"bytes": known.file.size, "licence": known.licence},
    )
