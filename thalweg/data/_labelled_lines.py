"""Lines of label and text, plain or compressed by gzip, as examples: how collections of texts are published."""

import gzip
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from thalweg.core import registry
from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown
from thalweg.data._source import Asked
from thalweg.data.catalogue import obtain
from thalweg.data.dataset import Examples

Taken = Callable[[str], tuple[str, str]]
"""From a line to its label and its text."""


def examples_of_lines(asked: Asked, name: str, files: Mapping[str, tuple[str, ...]], taken: Taken) -> Examples:
    """Examples of a catalogued set: a field `text` and a target `label`, part by part.

    Args:
        name: of the set; each of its files lies under its name or that with `.gz` after it.
        files: part to the files that hold its rows; the part "" stands for rows that are of none.

    Raises:
        DataRefusal: the set is not there, or a file is missing, damaged, or holds a line without a label.
    """
    folder = obtain(name, download=asked.data.download, told=asked.told)
    texts, labels, sha = list[str](), list[str](), hashlib.sha256()
    examples = Examples(name, {}, kinds={"text": "text", "label": "category"}, roles={"label": "target"})
    for part, members in files.items():
        begun = len(texts)
        for member in members:
            path, content = _content(folder, member)
            sha.update(content)
            for number, line in enumerate(_decoded(content).split("\n"), 1):
                if line.strip():
                    label, text = _split(line, taken, path, number)
                    labels.append(label)
                    texts.append(text)
        if part:
            examples.given[part] = torch.arange(begun, len(texts))
    examples.columns = {"text": texts, "label": labels}
    examples.facts |= {"classes": sorted(set(labels)), "digest": f"sha256:{sha.hexdigest()}"}
    examples.facts["licence"] = registry.facts("source", name)["licence"]
    return examples


def _content(folder: Path, member: str) -> tuple[Path, bytes]:
    for path, opened in ((folder / member, open), (folder / f"{member}.gz", gzip.open)):
        if path.is_file():
            try:
                with opened(path, "rb") as file:
                    return path, file.read()
            except (OSError, EOFError) as error:
                raise _damaged(path, str(error)) from None
    raise DataRefusal(
        "DATA_FILE_MISSING",
        f"{shown(folder)} holds neither {member} nor {member}.gz",
        where=shown(folder),
        why="the set would not be whole",
        fix="put the file there, or give another folder in THALWEG_DATA",
    )


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _split(line: str, taken: Taken, path: Path, number: int) -> tuple[str, str]:
    try:
        return taken(line)
    except ValueError:
        raise _damaged(path, f"line {number:,} is no label with its text") from None


def _damaged(path: Path, what: str) -> DataRefusal:
    return DataRefusal(
        "DATA_DAMAGED_FILE",
        f"{shown(path)} cannot be read: {what}"[:300],
        where=shown(path),
        why="what it holds is not known",
        fix="fetch it again",
    )
