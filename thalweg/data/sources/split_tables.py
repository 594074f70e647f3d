"""A folder with a table for each part: train.csv, valid.csv, test.csv, or as Parquet, JSON Lines, packed."""

import dataclasses
from pathlib import Path

import torch

from thalweg.core import registry
from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._paths import shown
from thalweg.data._source import Asked
from thalweg.data._split_names import PART_NAMES, SplitName, split_name
from thalweg.data.dataset import PARTS, Dataset, Examples
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column

TABLES = ("text-table", "json-lines", "json-array", "parquet")
"""Sources of a single table."""


def recognises(path: Path) -> int:
    """Sure of folders with a table for training and one for another part."""
    parts = _parts(path)
    return 70 if len(parts) > 1 and parts.keys() & {"train", "validation"} else 0


@source("split-tables", folder=True)
def split_tables(asked: Asked) -> Examples:
    """The rows of all tables one after another, their parts given.

    Raises:
        DataRefusal: tables of the parts have other columns.
    """
    files = _parts(asked.given)
    notes = []
    if "train" not in files:
        files["train"] = files.pop("validation")
        notes.append(f"no file is named train: {shown(files['train'].name)} is learned from")
    order = [part for part in PARTS if part in files]
    tables = _tables(files, order, asked.data)
    examples = {part: table for part, table in tables.items() if isinstance(table, Examples)}
    columns, left = _joined(examples, asked.data.target)
    notes += [f"{shown(files[part].name)} is left out: it has no {shown(', '.join(names))}" for part, names in left.items()]
    given, start = {}, 0
    for part in order:
        if part in left:
            continue
        given[part] = torch.arange(start, start + len(examples[part]))
        start += len(examples[part])
    listed = ", ".join(f"{shown(files[part].name)} ({len(rows):,})" for part, rows in given.items())
    said = [note for part in given for note in examples[part].notes]
    first = examples["train"]
    return dataclasses.replace(
        first,
        name=asked.given.resolve().name,
        columns=columns,
        given=given,
        notes=[f"parts: {listed}", *notes, *dict.fromkeys(said)],
    )


def _parts(folder: Path) -> dict[str, Path]:
    """The table of each part that has one, `train.csv` or `NAME_TRAIN.tsv`; of two for one part, neither is meant."""
    found: dict[str, list[Path]] = {}
    bases: set[str] = set()
    suffixes = tuple(suffix for name in TABLES for suffix in registry.facts("source", name)["suffixes"])
    for file in sorted(folder.iterdir()):
        folded = file.name.casefold()
        suffix = max((one for one in suffixes if folded.endswith(one)), key=len, default=None)
        if suffix is None or not file.is_file():
            continue
        stem = folded.removesuffix(suffix)
        named = SplitName("", PART_NAMES[stem]) if stem in PART_NAMES else split_name(stem)
        if named.part is not None:
            bases.add(named.base)
            found.setdefault(named.part, []).append(file)
    return {part: files[0] for part, files in found.items() if len(files) == 1} if len(bases) == 1 else {}


def _tables(files: dict[str, Path], order: list[str], data: DataSettings) -> dict[str, Examples | Dataset]:
    """The tables of the parts in order; what was found of the first one's series holds for all."""
    tables: dict[str, Examples | Dataset] = {}
    for part in order:
        tables[part] = read(files[part], data)
        found = {name: word for name, word in dict(tables[part].facts.get("reading", {})).items() if name not in data.fields}
        data = data.model_copy(update={"fields": {**data.fields, **found}})
    return tables


def _joined(examples: dict[str, Examples], target: str | None) -> tuple[dict[str, Column], dict[str, list[str]]]:
    """The columns of all parts one after another; parts that lack the target, or all but a column of it, with what they lack.

    Raises:
        DataRefusal: a part lacks other columns.
    """
    names = list(examples["train"].columns)
    lacking = {part: [name for name in names if name not in one.columns] for part, one in examples.items()}
    left = {
        part: absent
        for part, absent in lacking.items()
        if absent and (absent == [target] or (target is None and len(absent) == 1))
    }
    wrong = {part: absent for part, absent in lacking.items() if absent and part not in left}
    if wrong:
        listed = "; ".join(f"{part} lacks {shown(', '.join(absent[:5]))}" for part, absent in wrong.items())
        raise DataRefusal(
            "DATA_PART_INCOMPLETE",
            f"the tables of the parts have other columns: {listed}",
            where=f"columns of train: {shown(', '.join(names[:12]))}",
            why="each part needs the same columns",
            fix="add them, or leave that table out of the folder",
        )
    kept = [one for part, one in examples.items() if part not in left]
    return {name: [value for one in kept for value in one.columns[name]] for name in names}, left
