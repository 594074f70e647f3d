"""Everything that is saved in a folder: what stood there before, the save, and what is read afterwards."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.core import files
from thalweg.core.manifest import open_folder
from thalweg.core.run_folder import RunFolder

OLD = {"weights.bin": b"old" * 50, "package.json": b"{}"}
NEW = {"weights.bin": b"new" * 70, "package.json": b'{"a": 1}', "inner/card.md": b"# card"}


@dataclass(frozen=True)
class Save:
    """Something that is saved in a folder.

    Attributes:
        before: what was done long before, and is safe.
        act: what is done when the power fails.
        read: what is there afterwards; it raises what a reader of it would be told.
        states: what may be read: the first while it is being done, the last when it is done too.
    """

    before: Callable[[Path], Any]
    act: Callable[[Path], Any]
    read: Callable[[Path], Any]
    states: tuple[Any, ...]


def by_name(content: dict[str, bytes]) -> dict[str, bytes]:
    return dict(sorted(content.items()))


def package(path: Path, content: dict[str, bytes]) -> None:
    files.write_folder(path / "model", content, format="test", version=1)


def packaged(path: Path) -> dict[str, bytes] | None:
    if not (path / "model").exists() and not (path / ".model.replaced").exists():
        return None
    folder = open_folder(path / "model", format="test", newest=1)
    return {name: folder.bytes(name) for name in sorted(folder.manifest.files)}


def checkpoint(path: Path, step: int, *, content: bytes = b"{}") -> None:
    run = RunFolder(path)
    run.write_checkpoint(step, {"state.json": content, "state.safetensors": b"weights" * step})
    run.rotate(1)


def newest(path: Path) -> tuple[int, bytes] | None:
    found = RunFolder(path).newest_checkpoint().folder
    return None if found is None else (found.manifest.stamp["step"], found.bytes("state.json"))


def lines(path: Path) -> list[Any]:
    return files.read_lines(path / "metrics.jsonl", where="metrics.jsonl")


def counted_lines(path: Path) -> None:
    """Lines that can wait for the disk, the checkpoint that counts them, and one more."""
    for step in (2, 3):
        files.append_line(path / "metrics.jsonl", {"step": step}, durable=False)
    files.write_json(path / "size.json", files.synced_size(path / "metrics.jsonl"))
    files.append_line(path / "metrics.jsonl", {"step": 4}, durable=False)


def lines_that_count(path: Path) -> list[Any]:
    files.cut_to(path / "metrics.jsonl", json.loads((path / "size.json").read_text()))
    return lines(path)


def in_parts(path: Path) -> None:
    with files.written_in_parts(path) as write:
        for part in (b"ne", b"wer"):
            write(part)


def first_lines(path: Path) -> None:
    files.append_line(path / "metrics.jsonl", {"step": 1})
    files.write_json(path / "size.json", files.synced_size(path / "metrics.jsonl"))


def counting_checkpoint(path: Path) -> None:
    """The first line of a run, and the checkpoint that counts it."""
    files.cut_to(path / "metrics.jsonl", 0)
    files.append_line(path / "metrics.jsonl", ONE, durable=False)
    size = files.synced_size(path / "metrics.jsonl")
    RunFolder(path).write_checkpoint(1, {"state.json": b"{}"}, stamp={"lines": size})


def counted_by_the_newest(path: Path) -> list[Any] | None:
    found = RunFolder(path).newest_checkpoint().folder
    if found is None:
        return None
    files.cut_to(path / "metrics.jsonl", found.manifest.stamp["lines"])
    return lines(path)


def begun(path: Path) -> None:
    run = RunFolder.create(path / "runs" / "iris", resume=True)
    checkpoint(run.path, 1)


ONE, TWO, THREE = ({"step": step} for step in (1, 2, 3))
SAVES = {
    "a file": Save(
        lambda path: files.write_json(path / "a.json", "old"),
        lambda path: files.write_json(path / "a.json", "new"),
        lambda path: json.loads((path / "a.json").read_text()),
        ("old", "new"),
    ),
    "a new file": Save(
        lambda path: None,
        lambda path: files.write_bytes(path / "a", b"new"),
        lambda path: (path / "a").read_bytes() if (path / "a").exists() else None,
        (None, b"new"),
    ),
    "a file in parts": Save(
        lambda path: files.write_bytes(path / "a", b"old"),
        lambda path: in_parts(path / "a"),
        lambda path: (path / "a").read_bytes(),
        (b"old", b"newer"),
    ),
    "a line": Save(
        lambda path: files.append_line(path / "metrics.jsonl", ONE),
        lambda path: files.append_line(path / "metrics.jsonl", TWO),
        lines,
        ([ONE], [ONE, TWO]),
    ),
    "lines that a checkpoint counts": Save(first_lines, counted_lines, lines_that_count, ([ONE], [ONE, TWO, THREE])),
    "a first line and the checkpoint that counts it": Save(
        lambda path: None, counting_checkpoint, counted_by_the_newest, (None, [ONE])
    ),
    "a first checkpoint": Save(lambda path: None, lambda path: checkpoint(path, 1), newest, (None, (1, b"{}"))),
    "the next checkpoint": Save(
        lambda path: checkpoint(path, 1), lambda path: checkpoint(path, 2), newest, ((1, b"{}"), (2, b"{}"))
    ),
    "a checkpoint once more": Save(
        lambda path: checkpoint(path, 1),
        lambda path: checkpoint(path, 1, content=b"[1]"),
        newest,
        ((1, b"{}"), (1, b"[1]")),
    ),
    "a package": Save(lambda path: None, lambda path: package(path, NEW), packaged, (None, by_name(NEW))),
    "a package for another": Save(
        lambda path: package(path, OLD), lambda path: package(path, NEW), packaged, (by_name(OLD), by_name(NEW))
    ),
    "a run that begins": Save(
        lambda path: None,
        begun,
        lambda path: newest(path / "runs" / "iris"),
        (None, (1, b"{}")),
    ),
}
