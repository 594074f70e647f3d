"""The catalogue: data known by name that are not shipped. Where they lie here, or how they are fetched if the user asks.

An entry is the declaration of its source: `files` (name, bytes, digest), `address` (what the names are appended to), `licence`.
Looked for are a folder of that name in THALWEG_DATA, then the cache (THALWEG_HOME, else the system's). Imports nothing heavy.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, UsageRefusal
from thalweg.data.download import Told, fetch

if TYPE_CHECKING:
    from thalweg.data.dataset import Examples


@dataclass(frozen=True)
class File:
    """One file of an entry: its name, bytes, and digest ("sha256:..." or "md5:...")."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Entry:
    """One catalogued set of files.

    Attributes:
        address: what the files' names are appended to; empty where nobody offers them for download.
        licence: as its owners state it.
    """

    name: str
    files: tuple[File, ...]
    address: str
    licence: str

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def entry(name: str) -> Entry | None:
    """The entry of that name; None for sources whose data are shipped or made."""
    part = registry.parts("source").get(name)
    if part is None or "files" not in part.facts:
        return None
    facts: Mapping[str, Any] = part.facts
    return Entry(name, tuple(File(*file) for file in facts["files"]), facts.get("address", ""), facts["licence"])


def local(name: str) -> Path | None:
    """The folder in which an entry's files lie already: in THALWEG_DATA by its name (`-` or `_`), or whole in the cache.

    A source whose files usually lie in a folder of another name says so: `stored_as`.
    """
    known = entry(name)
    given = os.environ.get("THALWEG_DATA")
    also = (
        [registry.parts("source")[name].facts["stored_as"]] if known and "stored_as" in registry.facts("source", name) else []
    )
    for spelled in (name, name.replace("-", "_"), *also) if given else ():
        folder = Path(str(given)).expanduser() / spelled
        if folder.is_dir() and any(folder.iterdir()):
            return folder
    cached = cache() / name
    return cached if known and all((cached / file.name).is_file() for file in known.files) else None


def obtain(name: str, *, download: bool, told: Told | None = None) -> Path:
    """The folder that holds an entry's files, fetched first if that is wanted and needed.

    Raises:
        DataRefusal: the files are not here and `download` was not asked for, or what came is not what is known.
        ResourceRefusal: the network or the disk failed.
    """
    folder = local(name)
    if folder is not None:
        return folder
    known = entry(name)
    assert known is not None, f"{name} declares no files"
    if not (download and known.address):
        raise _absent(known)
    for file in known.files:
        fetch(known.address + file.name, cache() / name / file.name, size=file.size, digest=file.digest, told=told)
    return cache() / name


def refuse_absent(name: str, *, download: bool) -> None:
    """Return unless an entry's files are neither here nor to be fetched; looks at the disk only.

    Raises:
        DataRefusal: they would have to be fetched, which was not asked for.
    """
    known = entry(name)
    if known is not None and local(name) is None and not (download and known.address):
        raise _absent(known)


def note_share(examples: "Examples", whole: Mapping[str, int], *, of: str) -> list[str]:
    """A sentence where fewer images are here than the published set has, part by part.

    Args:
        of: what the published set is called.
    """
    words = {"train": "training images", "test": "test images"}
    lacking = [part for part, count in whole.items() if len(examples.given[part]) < count]
    counts = " and ".join(f"{len(examples.given[part]):,} of {whole[part]:,} {words[part]}" for part in lacking)
    return [f"a part of {of}: {counts}; figures published for the whole do not compare"] if lacking else []


def cache(of: str = "datasets") -> Path:
    """The folder that fetched data, or weights, are kept in.

    Raises:
        UsageRefusal: neither the environment nor the system knows one.
    """
    own, given = os.environ.get("THALWEG_HOME"), os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    if own:
        return Path(os.path.expanduser(own)) / of
    inside = "Library/Caches" if sys.platform == "darwin" else ".cache"
    kept = given or os.path.expanduser(f"~/{inside}")
    if kept.startswith("~"):
        why = "fetched data are kept in a folder below it"
        raise UsageRefusal(
            "HOME_UNKNOWN", "this user has no home folder", where="HOME", why=why, fix="set THALWEG_HOME to a folder"
        )
    return Path(kept) / "thalweg" / of


def _absent(known: Entry) -> DataRefusal:
    folder = f"a folder that holds {known.name}/ with {known.files[0].name}"
    by_hand = f"set THALWEG_DATA to {folder}"
    return DataRefusal(
        "DATA_NOT_HERE",
        f"{known.name} is not on this machine: {known.size / 1e6:,.1f} MB, licence: {known.licence}",
        where=known.address or "nobody offers it for download",
        why="the network is used only when asked",
        fix=f"thalweg train {known.name} --download, or {by_hand}" if known.address else by_hand,
        details={"bytes": known.size, "licence": known.licence, "files": [file.name for file in known.files]},
    )
