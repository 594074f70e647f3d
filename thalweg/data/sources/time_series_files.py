"""Files and folders of the UCR and UEA archives: NAME_TRAIN.ts and NAME_TEST.ts, whose split is kept."""

from pathlib import Path

import torch

from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._character_encoding import text_of
from thalweg.data._paths import shown
from thalweg.data._source import Asked
from thalweg.data._time_series_text import SeriesText, read_series_text
from thalweg.data._unpacked import blocks_of
from thalweg.data.dataset import Examples
from thalweg.fields.column import as_column

PARTS = {"train": "_train.ts", "test": "_test.ts"}


def recognises(path: Path) -> int:
    """Sure of folders with one NAME_TRAIN.ts."""
    return 75 if len(_trainings(path)) == 1 else 0


@source("time-series-files", suffixes=(".ts",), content=(), folder=True)
def time_series_files(asked: Asked) -> Examples:
    """Series with their labels; beside NAME_TRAIN.ts its NAME_TEST.ts is the test part.

    Raises:
        DataRefusal: lines are no series, or the parts differ in channels or in whether they have labels.
    """
    files = _files(asked.given)
    read = {part: _read(path, asked) for part, path in files.items()}
    first = next(iter(read.values()))
    for part, one in read.items():
        if one.rows[0].shape[1] != first.rows[0].shape[1] or bool(one.labels) != bool(first.labels):
            raise _unlike(files[part], files[next(iter(read))])
    rows = [row if row.shape[1] > 1 else row[:, 0] for one in read.values() for row in one.rows]
    labels = [label for one in read.values() for label in one.labels]
    examples = Examples(_name(files), {"series": as_column(rows)}, kinds={"series": "series"})
    if labels:
        examples.columns["label"] = [float(label) for label in labels] if first.numeric else labels
        examples.kinds["label"], examples.roles["label"] = "number" if first.numeric else "category", "target"
    begun = 0
    for part, one in read.items():
        if len(read) > 1:
            examples.given[part] = torch.arange(begun, begun + len(one.rows))
        begun += len(one.rows)
    examples.notes = _notes(files, read)
    return examples


def _files(given: Path) -> dict[str, Path]:
    """The file of each part; of a file that is no training part, that file alone."""
    path = _trainings(given)[0] if given.is_dir() else given
    name = path.name.casefold()
    if not name.endswith(PARTS["train"]):
        return {"train": path}
    wanted = name.removesuffix(PARTS["train"]) + PARTS["test"]
    beside = [file for file in sorted(path.parent.iterdir()) if file.name.casefold() == wanted]
    return {"train": path} | ({"test": beside[0]} if beside else {})


def _trainings(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if file.name.casefold().endswith(PARTS["train"]) and file.is_file()]


def _read(path: Path, asked: Asked) -> SeriesText:
    return read_series_text(text_of(path, lambda: blocks_of(path), asked.data.encoding).text, path)


def _name(files: dict[str, Path]) -> str:
    stem = files["train"].stem
    return stem[: -len("_train")] if stem.casefold().endswith("_train") else stem


def _notes(files: dict[str, Path], read: dict[str, SeriesText]) -> list[str]:
    listed = ", ".join(f"{shown(files[part].name)} ({len(one.rows):,})" for part, one in read.items())
    lengths = [len(row) for one in read.values() for row in one.rows]
    steps = f"{lengths[0]:,}" if len(set(lengths)) == 1 else f"{min(lengths):,} to {max(lengths):,}"
    said = [f"parts: {listed}; series of {steps} steps"]
    gaps = sum(len(one.filled) for one in read.values())
    return said + ([f"gaps in {gaps:,} series lie on the straight line between their neighbours"] if gaps else [])


def _unlike(path: Path, first: Path) -> DataRefusal:
    return DataRefusal(
        "DATA_PART_INCOMPLETE",
        f"{shown(path.name)} has other channels than {shown(first.name)}, or only one of them has labels",
        where=shown(path),
        why="what is learned from one could not be judged on the other",
        fix="give the files of one set",
    )
