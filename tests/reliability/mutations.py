"""Ways to damage a folder with a manifest. Each draws from a generator of its own number and says which names must be told.

A mutation that would leave everything as it was (a page of zeros made zero) gives None, and the next is drawn.
"""

import hashlib
import json
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.artefacts import Sealed
from thalweg.core.manifest import MANIFEST, Entry, Manifest, read_manifest, render_manifest

PAGE = 4096


@dataclass(frozen=True)
class Damage:
    """What was done to a folder.

    Attributes:
        what: for the person who reads a failure.
        names: one of these the refusal must name.
    """

    what: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One mutation to be made.

    Attributes:
        path: where the folder lies.
        file: the file that is meant.
        sealed: what the folder was.
    """

    path: Path
    file: str
    sealed: Sealed
    draw: random.Random

    @property
    def content(self) -> bytes:
        """The file as it was."""
        return self.sealed.files[self.file]

    def damaged(self, what: str, *names: str) -> Damage:
        """What is to be told of it."""
        return Damage(f"{self.sealed.name}, {self.file}: {what}", names or (self.file,))

    def write(self, content: bytes, what: str) -> Damage | None:
        """Another content for the file."""
        if content == self.content:
            return None
        (self.path / self.file).write_bytes(content)
        return self.damaged(what)

    def other(self) -> str:
        """Another file of the folder."""
        return self.draw.choice([name for name in self.sealed.files if name != self.file])


Mutation = Callable[[Case], Damage | None]


def flipped(case: Case) -> Damage | None:
    """One bit is another."""
    bit = case.draw.randrange(8 * len(case.content))
    changed = bytearray(case.content)
    changed[bit // 8] ^= 1 << bit % 8
    return case.write(bytes(changed), f"bit {bit} flipped")


def rewritten(case: Case) -> Damage | None:
    """Some bytes in a row are others."""
    begin = case.draw.randrange(len(case.content))
    piece = case.draw.randbytes(case.draw.randint(1, 64))[: len(case.content) - begin]
    end = begin + len(piece)
    return case.write(case.content[:begin] + piece + case.content[end:], f"bytes {begin} to {end} drawn")


def truncated(case: Case) -> Damage | None:
    """Cut off at any byte."""
    size = case.draw.randrange(len(case.content))
    return case.write(case.content[:size], f"cut off at {size}")


def zeroed(case: Case) -> Damage | None:
    """A page of the disk came back empty."""
    page = case.draw.randrange(-(-len(case.content) // PAGE)) * PAGE
    end = min(page + PAGE, len(case.content))
    return case.write(case.content[:page] + bytes(end - page) + case.content[end:], f"zeros from {page} to {end}")


def appended(case: Case) -> Damage | None:
    """Bytes at the end that were not there; often such as parsers pass over."""
    more = case.draw.choice([b"\n", b" ", b"\0", b"{}", case.content[:100], case.draw.randbytes(case.draw.randint(1, PAGE))])
    return case.write(case.content + more, f"{len(more)} bytes appended")


def inserted(case: Case) -> Damage | None:
    """Bytes in the middle that were not there, or are gone."""
    at, count = case.draw.randrange(len(case.content)), case.draw.randint(1, 16)
    if case.draw.random() < 0.5:
        return case.write(case.content[:at] + case.draw.randbytes(count) + case.content[at:], f"{count} bytes inserted at {at}")
    return case.write(case.content[:at] + case.content[at + count :], f"{count} bytes left out at {at}")


def emptied(case: Case) -> Damage | None:
    """A file of no bytes, or of zeros only, as after a loss of power."""
    return case.write(b"" if case.draw.random() < 0.5 else bytes(len(case.content)), "nothing in it")


def missing(case: Case) -> Damage:
    """The file is gone."""
    (case.path / case.file).unlink()
    return case.damaged("missing")


def renamed(case: Case) -> Damage:
    """The file has another name, by a letter or by its case."""
    name = case.draw.choice([case.file.upper(), f"{case.file}.bak", f"_{case.file}", case.file[:-1]])
    (case.path / case.file).rename(case.path / name)
    return case.damaged(f"renamed to {name}", case.file, name)


def swapped(case: Case) -> Damage | None:
    """Two files have each other's content."""
    other = case.other()
    if case.sealed.files[other] == case.content:
        return None
    (case.path / case.file).write_bytes(case.sealed.files[other])
    (case.path / other).write_bytes(case.content)
    return case.damaged(f"swapped with {other}", case.file, other)


def stale(case: Case) -> Damage | None:
    """The file of another step, or of another package."""
    content = case.sealed.stale.get(case.file)
    if content is None or content == case.content:
        return None
    (case.path / case.file).write_bytes(content)
    if case.file == MANIFEST:  # then it is the others that do not fit it
        return case.damaged("stale", *case.sealed.files)
    return case.damaged("stale")


def added(case: Case) -> Damage:
    """A file that nobody listed, of a name that somebody may look for."""
    name = case.draw.choice(["run.py", ".hidden", "model.pkl", f"{case.file}.tmp", "more/deep.json", "config.json", "ünïcode"])
    (case.path / name).parent.mkdir(exist_ok=True)
    (case.path / name).write_bytes(case.content)
    return case.damaged(f"{name} added", name)


def linked(case: Case) -> Damage:
    """The file lies elsewhere, and a link leads there; or it has a second name there."""
    elsewhere = case.path.parent / "elsewhere"
    elsewhere.unlink(missing_ok=True)
    if case.draw.random() < 0.5:
        os.link(case.path / case.file, elsewhere)
        return case.damaged("hard link")
    (case.path / case.file).rename(elsewhere)
    (case.path / case.file).symlink_to(elsewhere)
    return case.damaged("link")


def replaced(case: Case) -> Damage:
    """Something that is no file has its name."""
    (case.path / case.file).unlink()
    if case.draw.random() < 0.5:
        (case.path / case.file).mkdir()
        return case.damaged("a folder in its place")
    os.mkfifo(case.path / case.file)
    return case.damaged("a pipe in its place")


def edited(case: Case) -> Damage | None:
    """A value in JSON is another; the digests stay, or the file's own entry agrees but not the manifest's."""
    if not case.file.endswith(".json"):
        return flipped(case)
    value = json.loads(case.content)
    holder, key = case.draw.choice(_leaves(value))
    holder[key] = case.draw.choice([None, True, 1, -1, 1e308, "x", "../x", [], {}, [[]], 1 << 70])
    content = json.dumps(value, indent=case.draw.choice([None, 1]), sort_keys=case.draw.random() < 0.5).encode()
    if case.file != MANIFEST and case.draw.random() < 0.5 and content != case.content:
        manifest = json.loads(case.sealed.files[MANIFEST])
        manifest["files"][case.file] = vars(entry_of(content))
        (case.path / MANIFEST).write_bytes(json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n")
        (case.path / case.file).write_bytes(content)
        return case.damaged(f"{key} edited, its digest too, the manifest's not", MANIFEST)
    return case.write(content, f"{key} edited")


def _leaves(value: object) -> list[tuple[dict | list, str | int]]:
    """Every place within a JSON value that can be written to."""
    if isinstance(value, dict):
        return [(value, key) for key in value] + [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list):
        return [(value, key) for key in range(len(value))] + [leaf for one in value for leaf in _leaves(one)]
    return []


OF_FILES: tuple[Mutation, ...] = (
    flipped, flipped, flipped, rewritten, truncated, truncated, zeroed, appended, inserted, emptied,
    missing, renamed, swapped, stale, added, linked, replaced, edited, edited,
)  # fmt: skip


def mixed(case: Case) -> Damage | None:
    """Files of two checkpoints, or of two packages, in one folder; the manifest is of one of them."""
    names = [name for name in case.sealed.stale if case.sealed.stale[name] != case.sealed.files.get(name)]
    taken = [name for name in names if case.draw.random() < 0.5]
    if not taken or set(taken) >= set(names):
        return None
    for name in taken:
        (case.path / name).write_bytes(case.sealed.stale[name])
    return case.damaged(f"{', '.join(taken)} of another", *case.sealed.files)


def entry_of(content: bytes) -> Entry:
    """What a manifest says of a file."""
    return Entry(len(content), hashlib.sha256(content).hexdigest())


def sealed_again(path: Path, files: Mapping[str, bytes], **changed: object) -> None:
    """Write files and a manifest whose digests hold, as somebody does who means harm.

    Args:
        changed: what the manifest says otherwise: version, format, stamp.
    """
    before = read_manifest(path)
    for name, content in files.items():
        (path / name).write_bytes(content)
    entries = {name: entry_of((path / name).read_bytes()) for name in before.files | dict(files)}
    manifest = Manifest(**{**vars(before), "files": entries, **changed})  # type: ignore[arg-type]
    (path / MANIFEST).write_bytes(render_manifest(manifest))


def made(case: Case, mutations: tuple[Mutation, ...] = OF_FILES) -> Damage:
    """Draw mutations until one changes something."""
    while True:
        damage = case.draw.choice(mutations)(case)
        if damage is not None:
            return damage
