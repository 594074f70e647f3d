"""Folders that were digested: as long as their files stand as they did then, they need not be read again.

It spares work where a decision would only keep or remove; what is loaded is digested every time.
"""

import os
from collections.abc import Callable
from pathlib import Path

from thalweg.core.errors import Refusal

Standing = tuple[tuple[str, int, int, int, int], ...]


class Verified:
    """Remembers by path how the files of a folder stood when it was digested, and whether it verified."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Standing, bool]] = {}

    def holds(self, path: Path, verify: Callable[[], object]) -> bool:
        """Whether a folder verifies, or did when its files stood as they do now.

        Args:
            verify: digests its files; raises a `Refusal` where it is damaged.
        """
        standing = _standing(path)  # ahead of the digests, so that what changes meanwhile is noticed next time
        known = self._known.get(path)
        if known is None or known[0] != standing:
            known = self._known[path] = (standing, _verifies(verify))
        return known[1]

    def forget(self, path: Path) -> None:
        """Digest it next time."""
        self._known.pop(path, None)


def _verifies(verify: Callable[[], object]) -> bool:
    try:
        verify()
    except Refusal:
        return False
    return True


def _standing(path: Path) -> Standing:
    """Each file's name, place on the disk, size and times; nothing where these cannot be had."""
    try:
        with os.scandir(path) as entries:
            return tuple(sorted(_facts(entry) for entry in entries))
    except OSError:
        return ()


def _facts(entry: os.DirEntry[str]) -> tuple[str, int, int, int, int]:
    told = entry.stat(follow_symlinks=False)
    return entry.name, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns
