"""A folder of pictures: one folder per class, perhaps within train/ and test/, or pictures without a target."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import torch

from thalweg.core.disk import BLOCK_BYTES
from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._class_folders import Layout, Row, is_picture, lay_out
from thalweg.data._paths import shown
from thalweg.data._source import Asked
from thalweg.data.dataset import PARTS, Examples

DEPTH = 6
LOOK = 20_000
"""Entries looked at before a folder is said to hold no pictures."""


def recognises(path: Path) -> int:
    """Fairly sure of a folder in which, three folders deep at most, a picture lies."""
    for looked, (entry, is_folder) in enumerate(_walk(path, depth=4)):
        if not is_folder and is_picture(entry):
            return 30
        if looked > LOOK:
            break
    return 0


@source("images", folder=True)
def images(asked: Asked) -> Examples:
    """Pictures as paths in `image`, the folders' names in `class`; the split that the folders name is kept.

    Raises:
        DataRefusal: folders that do not say the classes, or may not be read.
    """
    path = asked.given
    entries = list(_walk(path, depth=DEPTH))
    files = [entry for entry, is_folder in entries if not is_folder]
    folders = [entry for entry, is_folder in entries if is_folder]
    layout = lay_out(files, folders, path.name or str(path))
    regular = [row for row in layout.rows if (path / row.file).is_file()]
    if len(regular) < len(layout.rows):
        layout.notes.append(f"{len(layout.rows) - len(regular)} names left out that are not regular files")
    layout = Layout(regular, layout.notes)
    digest, said = _digest(path, layout)
    examples = examples_of_layout(path.resolve().name, layout, [path / row.file for row in layout.rows])
    examples.notes += said
    examples.facts["digest"] = digest
    return examples


def examples_of_layout(name: str, layout: Layout, pictures: Sequence[object]) -> Examples:
    """Examples of pictures in the order of a layout's rows; parts one after another as the layout names them."""
    examples = Examples(name, {"image": list(pictures)}, kinds={"image": "image"}, notes=layout.notes)
    classes = layout.classes
    if classes:
        examples.columns["class"] = [_printable(row.label or "") for row in layout.rows]
        examples.kinds["class"], examples.roles["class"] = "category", "target"
        examples.facts["classes"] = [_printable(label) for label in classes]
    for part in PARTS:
        numbers = [i for i, row in enumerate(layout.rows) if row.part == part]
        if numbers:
            examples.given[part] = torch.tensor(numbers)
    return examples


def _printable(label: str) -> str:
    """A class's name; bytes that are no text are escaped, since names are written into JSON and reports."""
    return label if label.isprintable() else shown(label)


def _walk(top: Path, *, depth: int) -> Iterator[tuple[PurePosixPath, bool]]:
    """Every entry below a folder, relative to it, and whether it is a folder; links are followed, but never in a circle."""
    seen = {(facts.st_dev, facts.st_ino) for facts in [top.stat()]}
    waiting = [PurePosixPath()]
    while waiting:
        folder = waiting.pop()
        for entry in _entries(top / folder):
            inner = folder / entry.name
            if not entry.is_dir():
                yield inner, False
                continue
            facts = (top / inner).stat()
            if (facts.st_dev, facts.st_ino) not in seen:
                seen.add((facts.st_dev, facts.st_ino))
                yield inner, True
                waiting += [inner] if len(inner.parts) < depth else []


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DataRefusal(
            "DATA_FORBIDDEN",
            f"{shown(folder)} cannot be listed: {error.strerror}",
            where=shown(folder),
            why="pictures in it would be missed",
            fix=f"chmod u+rx {shown(folder)}, or move it elsewhere",
        ) from None


def _digest(top: Path, layout: Layout) -> tuple[str, list[str]]:
    """A digest of all names and contents, and a sentence on pictures that stand under two labels."""
    whole, by_content = hashlib.sha256(), dict[bytes, Row]()
    twice: list[tuple[Row, Row]] = []
    for row in layout.rows:
        content = _content(top / row.file)
        whole.update(os.fsencode(str(row.file)) + b"\x00" + content)
        other = by_content.setdefault(content, row)
        if other.label != row.label:
            twice.append((other, row))
    if not twice:
        return f"sha256:{whole.hexdigest()}", []
    pairs = "; ".join(f"{shown(one.file)} = {shown(two.file)}" for one, two in twice[:3])
    return f"sha256:{whole.hexdigest()}", [f"{len(twice):,} pictures stand under two classes: {pairs}"]


def _content(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.digest()
