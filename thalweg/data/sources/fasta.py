"""FASTA files: sequences with labels from their headers; a folder of several, a class for each file."""

from collections.abc import Mapping
from pathlib import Path

import torch

from thalweg.core import registry
from thalweg.core.registry import source
from thalweg.data._character_encoding import text_of
from thalweg.data._fasta_text import Fasta, labels_of, read_fasta
from thalweg.data._paths import shown
from thalweg.data._source import Asked
from thalweg.data._split_names import PART_NAMES, split_name
from thalweg.data._unpacked import blocks_of, stem_of
from thalweg.data.dataset import PARTS, Examples


def recognises(path: Path) -> int:
    """Sure of folders with several FASTA files."""
    return 70 if len(_files(path)) > 1 else 0


@source(
    "fasta",
    suffixes=(
        ".fa", ".fasta", ".fna", ".faa", ".ffn", ".fas",
        ".fa.gz", ".fasta.gz", ".fna.gz", ".faa.gz", ".ffn.gz", ".fas.gz",
    ),
    folder=True,
)  # fmt: skip
def fasta(asked: Asked) -> Examples:
    """Letters in `sequence`, names in `id`, and in `label` what headers tell, or which file a sequence is from.

    Raises:
        DataRefusal: a file is no FASTA, or of files that are parts some have labels and others none.
    """
    path: Path = asked.given
    if not path.is_dir():
        one = _read(path, asked)
        return _examples(stem_of(path), {"": one}, labels_of(one.headers), "headers")
    files = {stem_of(file): _read(file, asked) for file in _files(path)}
    parts = {name: PART_NAMES.get(name.casefold()) or split_name(name).part for name in files}
    if all(parts.values()) and "train" in parts.values():
        return _of_parts(path, files, parts)
    labels = [name for name, one in files.items() for _ in one.sequences]
    return _examples(path.resolve().name, files, labels, "the files' names")


def _files(folder: Path) -> list[Path]:
    suffixes = tuple(registry.facts("source", "fasta")["suffixes"])
    return [file for file in sorted(folder.iterdir()) if file.name.casefold().endswith(suffixes) and file.is_file()]


def _read(path: Path, asked: Asked) -> Fasta:
    return read_fasta(text_of(path, lambda: blocks_of(path), asked.data.encoding, one_line=True).text, path)


def _of_parts(path: Path, files: Mapping[str, Fasta], parts: Mapping[str, str | None]) -> Examples:
    """Files that are parts: labels come from headers."""
    headers = [header for one in files.values() for header in one.headers]
    examples = _examples(path.resolve().name, files, labels_of(headers), "headers")
    begun = 0
    for name, one in files.items():
        rows, part = torch.arange(begun, begun + len(one.sequences)), str(parts[name])
        examples.given[part] = torch.cat([examples.given.get(part, rows[:0]), rows])
        begun += len(rows)
    examples.given = {part: examples.given[part] for part in PARTS if part in examples.given}
    return examples


def _examples(name: str, files: Mapping[str, Fasta], labels: list[str] | None, told_by: str) -> Examples:
    examples = Examples(name, {"id": [one for file in files.values() for one in file.names]}, roles={"id": "id"})
    examples.columns["sequence"] = [one for file in files.values() for one in file.sequences]
    examples.kinds["sequence"] = "text"
    count = len(examples)
    if labels is None:
        examples.notes.append(f"{count:,} sequences; their headers tell no classes")
        return examples
    examples.columns["label"] = labels
    examples.kinds["label"], examples.roles["label"] = "category", "target"
    classes = sorted(set(labels))
    listed = ", ".join(f"{shown(one)} ({labels.count(one):,})" for one in classes[:6]) + (" ..." if len(classes) > 6 else "")
    examples.notes.append(f"{count:,} sequences; label by {told_by}: {listed}; the rest of the headers is left out")
    return examples
