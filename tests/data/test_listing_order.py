"""Systems list folders in an order of their own: what is read of one is the same in any."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from thalweg.core.errors import DataRefusal
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

NAMES = [f"{letter}{number}" for number in range(6) for letter in "ab"]
SERIES = "@problemName Waves\n@univariate true\n@classLabel true up down\n@data\n"


class Listed:
    """What `os.scandir` gives, in an order that was chosen."""

    def __init__(self, entries: list[os.DirEntry[str]]) -> None:
        self.entries = iter(entries)

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return self.entries

    def __next__(self) -> os.DirEntry[str]:
        return next(self.entries)

    def __enter__(self) -> "Listed":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is open any more."""


def pictures(folder: Path) -> None:
    for number, name in enumerate(NAMES):
        (folder / name[0]).mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), 20 * number, "uint8")).save(folder / name[0] / f"{name}.png")


def texts(folder: Path) -> None:
    for name in NAMES:
        (folder / name[0]).mkdir(exist_ok=True)
        (folder / name[0] / f"{name}.txt").write_text(f"word {name} and another of {name[0]}")


def series(folder: Path) -> None:
    (folder / "Waves_TRAIN.ts").write_text(SERIES + "1,2,3:up\n3,2,1:down\n" * 6)
    for value, name in enumerate(("Waves_TEST.ts", "waves_test.ts", "WAVES_TEST.ts"), 5):
        (folder / name).write_text(SERIES + f"{value},3,4:up\n")


def tables(folder: Path) -> None:
    for name, first in (("train", 0), ("test", 20), ("validation", 40)):
        rows = "\n".join(f"{first + row},{'uv'[row % 2]}" for row in range(12))
        (folder / f"{name}.csv").write_text(f"x,y\n{rows}\n")


def listed_in(monkeypatch: pytest.MonkeyPatch, *, backwards: bool) -> None:
    """Let every folder be listed by name, or the other way round."""
    listdir, scandir = os.listdir, os.scandir

    def names(path: Any = ".") -> list[Any]:
        return sorted(listdir(path), reverse=backwards)

    def entries(path: Any = ".") -> Listed:
        with scandir(path) as found:
            return Listed(sorted(found, key=lambda entry: entry.name, reverse=backwards))

    monkeypatch.setattr(os, "listdir", names)
    monkeypatch.setattr(os, "scandir", entries)


def in_both_orders(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> list[Any]:
    found = []
    for backwards in (False, True):
        with monkeypatch.context() as patched:
            listed_in(patched, backwards=backwards)
            found.append(act())
    return found


@pytest.mark.parametrize("written", [pictures, texts, series, tables])
def test_t26_a_folder_is_read_alike_in_whatever_order_it_is_listed(tmp_path, monkeypatch, written):
    written(tmp_path)

    def facts() -> tuple[Any, ...]:
        raw = read(tmp_path)
        dataset = encode(raw, DataSettings(), seed=0)
        return raw.notes, list(raw.columns), dataset.fingerprint(), dataset.encodings.as_json()

    one, other = in_both_orders(monkeypatch, facts)
    assert one == other


def test_t26_a_series_whose_test_file_has_namesakes_has_the_first_by_name(tmp_path, monkeypatch):
    series(tmp_path)
    for read_there in in_both_orders(monkeypatch, lambda: read(tmp_path / "Waves_TRAIN.ts")):
        assert read_there.columns["series"][-1].tolist() == [7, 3, 4]


def test_t26_a_refusal_names_files_in_the_same_order(tmp_path, monkeypatch):
    for name in ("one.bin", "two.dat", "three.obj", "four.lock"):
        (tmp_path / name).write_bytes(b"\x00")

    def refusal() -> tuple[str, str, str]:
        with pytest.raises(DataRefusal) as caught:
            read(tmp_path)
        return caught.value.what, caught.value.where, caught.value.fix

    one, other = in_both_orders(monkeypatch, refusal)
    assert one == other
