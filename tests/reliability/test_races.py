"""R17: files swapped while a package is opened are never what is used: the digest is that of the very bytes that are read."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.packages.trained import rewritten, trained
from tests.reliability.figures import Row, shares
from thalweg.core.errors import PackageRefusal
from thalweg.packages.package import load_package

ROW = Row(
    "R17",
    "packages opened while a thread swaps their files for others, for links to others and for folders of others: none was used",
    "ONNX 1.21: containment, no links, opened and then checked",
)
PAUSES = (0.0, 0.001, 0.005, 0.02)
"""Seconds between two swaps, in turn: a package is opened in some thousandths."""
NAMES = ("weights.safetensors", "package.json", "manifest.json")


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> tuple[Path, Path]:
    """A package, and one that says the same with other weights, whose own manifest holds."""
    folder = tmp_path_factory.mktemp("packages")
    true = trained(folder / "run").folder.model
    return true, rewritten(true, folder / "other", weigh=lambda weights: {name: one + 1 for name, one in weights.items()})


def by_files(true: Path, other: Path, copy: Path) -> Iterator[None]:
    """One file after another takes the place of the other package's."""
    while True:
        for name in NAMES[:2]:
            for source in (other, true):
                (copy.parent / "next").write_bytes((source / name).read_bytes())
                (copy.parent / "next").replace(copy / name)
                yield


def by_links(true: Path, other: Path, copy: Path) -> Iterator[None]:
    """A file becomes a link to the other package's, and itself again."""
    while True:
        for name in NAMES:
            (copy.parent / "link").symlink_to(other / name)
            (copy.parent / "link").replace(copy / name)
            yield
            (copy.parent / "next").write_bytes((true / name).read_bytes())
            (copy.parent / "next").replace(copy / name)
            yield


def in_place(true: Path, other: Path, copy: Path) -> Iterator[None]:
    """The bytes of a file change while it is open."""
    while True:
        for source in (other, true):
            data = (source / NAMES[0]).read_bytes()
            with (copy / NAMES[0]).open("r+b") as file:
                for first in range(0, len(data), 512):
                    file.seek(first)
                    file.write(data[first : first + 512])
                    yield


def by_folders(true: Path, other: Path, copy: Path) -> Iterator[None]:
    """The folder itself becomes a link to the other one, and a folder again."""
    aside = copy.with_name("aside")
    while True:
        copy.rename(aside)
        copy.symlink_to(other)
        yield
        copy.unlink()
        aside.rename(copy)
        yield


WAYS: tuple[Callable[[Path, Path, Path], Iterator[None]], ...] = (by_files, by_links, in_place, by_folders)


@contextmanager
def swapping(steps: Iterator[None]) -> Iterator[None]:
    over = threading.Event()

    def swap() -> None:
        for count, _ in enumerate(steps):
            over.wait(PAUSES[count % len(PAUSES)])
            if over.is_set():
                return

    racing = threading.Thread(target=swap)
    racing.start()
    try:
        yield
    finally:
        over.set()
        racing.join()


@pytest.mark.parametrize("numbers", shares(100, 10_000, each=2500), ids=str)
def test_pkg_21_whatever_is_swapped_while_a_package_is_opened_is_never_used(packages, tmp_path, numbers):
    true, other = packages
    wanted = load_package(true).model.state_dict()
    loaded = refused = 0
    for way in WAYS:
        copy = tmp_path / way.__name__ / "copy"
        shutil.copytree(true, copy)
        with swapping(way(true, other, copy)):
            for _ in range(len(numbers) // len(WAYS)):
                try:
                    found = load_package(copy).model.state_dict()
                except PackageRefusal:
                    refused += 1
                    continue
                assert all(torch.equal(found[name], wanted[name]) for name in wanted), way.__name__
                loaded += 1
    assert loaded + refused == len(numbers)
    assert refused > 0, "no race was run"
    assert loaded > 0, "none was won"
    ROW.note(len(numbers), loaded + refused)


def test_the_other_package_is_sound_by_itself(packages):
    true, other = packages
    first, second = (load_package(path).model.state_dict() for path in packages)
    assert any(not torch.equal(first[name], second[name]) for name in first)
    assert not os.path.samefile(true, other)
