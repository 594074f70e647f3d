"""What a disk may hold after the power fails: the operations of a save are recorded, and all that may be lost of them is tried.

The disk is weaker than any that is sold. Only what was synced is sure: the bytes of a file by a sync of the file, the names in
a folder by a sync of that folder. Of everything else any part may have reached the disk, in any order: a rename without the
bytes of what it renames, a file as long as it should be and full of zeros, a half.

Reference: Pillai et al. 2014, All File Systems Are Not Created Equal, OSDI: abstract persistence models.
"""

import contextlib
import itertools
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PARTS = ("lost", "whole", "half", "zeros")
"""What may have become of the bytes of a file that were not synced."""

Tree = dict[str, Any]
"""A folder's content: bytes by the name of a file, a tree by the name of a folder."""
Thing = bytes | dict[str, int]
"""A file, or a folder: the numbers of what lies in it, by name."""


@dataclass(frozen=True)
class Change:
    """One operation on a file or folder that is known by its number.

    Attributes:
        names: what is in a folder by these names after it; None: nothing.
        offset, data: bytes that are written into a file.
        size: to which it is cut.
        sync: makes sure of all that was done to it before.
    """

    at: int
    names: tuple[tuple[str, int | None], ...] = ()
    offset: int = 0
    data: bytes = b""
    size: int | None = None
    sync: bool = False


class Disk:
    """A folder, and all that is done to it while it is watched.

    Attributes:
        changes: in their order.
        marks: how many there had been at certain moments.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))
        self.changes: list[Change] = []
        self.marks: dict[str, int] = {}
        self._numbers = itertools.count()
        self._things: dict[int, Thing] = {}
        self._opened: dict[int, int] = {}
        self._top = self._read(self.root)
        self._before = _copied(self._things)

    def _read(self, path: Path) -> int:
        number = next(self._numbers)
        inner = {one.name: self._read(one) for one in sorted(path.iterdir())} if path.is_dir() else None
        self._things[number] = path.read_bytes() if inner is None else inner
        return number

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Write down what is done meanwhile."""
        watchers = {name: getattr(self, f"_{name}") for name in _WATCHED}
        real = {name: getattr(os, name) for name in _WATCHED}
        try:
            for name, watcher in watchers.items():
                setattr(os, name, _beside(real[name], watcher))
            yield
        finally:
            for name, one in real.items():
                setattr(os, name, one)
        assert tree_at(self.root) == self._tree(self._things), "something was written in a way that is not watched"

    def mark(self, name: str) -> None:
        """Remember how far things have come."""
        self.marks[name] = len(self.changes)

    def states(self, after: int, *, most: int, chance: random.Random) -> Iterator[Tree]:
        """What may stand there if the power fails after so many changes; where there is more than `most`, so many are drawn.

        The first has lost all that can be lost, the second nothing.
        """
        done = self.changes[:after]
        sure = _sure(done)
        names = [index for index, one in enumerate(done) if one.names and index not in sure]
        files = sorted({one.at for index, one in enumerate(done) if not one.names and not one.sync and index not in sure})
        choices = [(False, True)] * len(names) + [PARTS] * len(files)
        seen = set[str]()
        for chosen in _combinations(choices, most=most, chance=chance):
            kept = sure | {index for index, keep in zip(names, chosen, strict=False) if keep}
            parts = dict(zip(files, chosen[len(names) :], strict=True))
            tree = self._crashed(done, kept, parts)
            if (key := repr(tree)) not in seen:
                seen.add(key)
                yield tree

    def _crashed(self, done: Sequence[Change], kept: set[int], parts: Mapping[int, str]) -> Tree:
        things = _copied(self._before)
        things |= {
            number: b"" if isinstance(one, bytes) else {} for number, one in self._things.items() if number not in things
        }
        for index, change in enumerate(done):
            if index in kept:
                _apply(things, change)
            elif change.at in parts and not change.sync:
                _apply(things, change, part=parts[change.at])
        return self._tree(things)

    def _tree(self, things: Mapping[int, Thing], number: int | None = None) -> Any:
        thing = things[self._top if number is None else number]
        return thing if isinstance(thing, bytes) else {name: self._tree(things, one) for name, one in thing.items()}

    def _do(self, change: Change) -> None:
        self.changes.append(change)
        _apply(self._things, change)

    def _place(self, path: Any, dir_fd: int | None = None) -> tuple[int, str] | None:
        """The number of the folder that a path lies in, and its name there; None for what is not watched."""
        if dir_fd is not None:
            return (self._opened[dir_fd], os.fspath(path)) if dir_fd in self._opened else None
        path = Path(os.path.abspath(path))
        if self.root not in path.parents:
            return None
        number = self._top
        for part in path.relative_to(self.root).parts[:-1]:
            number = self._things[number][part]  # type: ignore[index]
        return number, path.name

    def _new(self, thing: Thing) -> int:
        number = next(self._numbers)
        self._things[number] = thing
        return number

    def _open(self, real: Callable[..., int], path: Any, flags: int, *more: Any, dir_fd: int | None = None) -> int:
        descriptor = real(path, flags, *more, dir_fd=dir_fd)
        place = self._place(path, dir_fd)
        if place is None:
            if os.path.abspath(path) == str(self.root):
                self._opened[descriptor] = self._top
            return descriptor
        folder, name = place
        if name not in self._things[folder]:  # type: ignore[operator]
            self._do(Change(folder, ((name, self._new(b"")),)))
        self._opened[descriptor] = self._things[folder][name]  # type: ignore[index]
        return descriptor

    def _close(self, real: Callable[..., None], descriptor: int) -> None:
        self._opened.pop(descriptor, None)
        real(descriptor)

    def _write(self, real: Callable[..., int], descriptor: int, data: Any) -> int:
        count = real(descriptor, data)
        if descriptor in self._opened:  # everything that is watched is written from its beginning, or added to
            end = len(self._things[self._opened[descriptor]])
            self._do(Change(self._opened[descriptor], offset=end, data=bytes(memoryview(data)[:count])))
        return count

    def _fsync(self, real: Callable[..., None], descriptor: int) -> None:
        real(descriptor)
        if descriptor in self._opened:
            self._do(Change(self._opened[descriptor], sync=True))

    def _ftruncate(self, real: Callable[..., None], descriptor: int, size: int) -> None:
        real(descriptor, size)
        if descriptor in self._opened:
            self._do(Change(self._opened[descriptor], size=size))

    def _rename(self, real: Callable[..., None], source: Any, target: Any) -> None:
        real(source, target)
        old, new = self._place(source), self._place(target)
        if old is not None:
            assert new is not None, "nothing is moved out of the folder that is watched"
            assert old[0] == new[0], "nothing is moved from one folder to another"
            moved = self._things[old[0]][old[1]]  # type: ignore[index]
            self._do(Change(old[0], ((old[1], None), (new[1], moved))))

    _replace = _rename

    def _mkdir(self, real: Callable[..., None], path: Any, *more: Any) -> None:
        real(path, *more)
        if (place := self._place(path)) is not None:
            self._do(Change(place[0], ((place[1], self._new({})),)))

    def _unlink(self, real: Callable[..., None], path: Any, *, dir_fd: int | None = None) -> None:
        real(path, dir_fd=dir_fd)
        if (place := self._place(path, dir_fd)) is not None:
            self._do(Change(place[0], ((place[1], None),)))

    _rmdir = _unlink


_WATCHED = ("open", "close", "write", "fsync", "ftruncate", "rename", "replace", "mkdir", "unlink", "rmdir")


def _beside(real: Callable[..., Any], watcher: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **options: watcher(real, *arguments, **options)


def _copied(things: Mapping[int, Thing]) -> dict[int, Thing]:
    return {number: one if isinstance(one, bytes) else dict(one) for number, one in things.items()}


def _sure(done: Sequence[Change]) -> set[int]:
    """The changes that a sync made sure of."""
    sure, waiting = set[int](), dict[int, list[int]]()
    for index, one in enumerate(done):
        if one.sync:
            sure |= {index, *waiting.pop(one.at, [])}
        else:
            waiting.setdefault(one.at, []).append(index)
    return sure


def _apply(things: dict[int, Thing], change: Change, *, part: str = "whole") -> None:
    thing = things[change.at]
    if isinstance(thing, dict):
        for name, number in change.names:
            if number is None:
                thing.pop(name, None)
            else:
                thing[name] = number
    elif change.size is not None and part == "whole":
        things[change.at] = thing[: change.size].ljust(change.size, b"\0")
    elif change.data and part != "lost":
        data = {"half": change.data[: len(change.data) // 2], "zeros": bytes(len(change.data))}.get(part, change.data)
        things[change.at] = thing[: change.offset].ljust(change.offset, b"\0") + data + thing[change.offset + len(data) :]


def _combinations(choices: Sequence[Sequence[Any]], *, most: int, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    """Every way of choosing one of each, or as many as `most`: nothing kept, everything kept, and drawn ones."""
    count = 1
    for one in choices:
        count *= len(one)
    if count <= most:
        yield from itertools.product(*choices)
        return
    yield tuple(one[0] for one in choices)
    yield tuple(one[1] for one in choices)
    for _ in range(most - 2):
        yield tuple(chance.choice(one) for one in choices)


def tree_at(path: Path) -> Any:
    """What stands at a path."""
    if path.is_dir():
        return {one.name: tree_at(one) for one in sorted(path.iterdir())}
    return path.read_bytes()


def put(tree: Tree, path: Path) -> None:
    """Make a folder of that content."""
    path.mkdir()
    for name, one in tree.items():
        if isinstance(one, bytes):
            (path / name).write_bytes(one)
        else:
            put(one, path / name)
