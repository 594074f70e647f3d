"""The system calls under every file that thalweg writes or reads: synced, never through a link, failures as refusals."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from thalweg.core.errors import PackageRefusal, Refusal, ResourceRefusal

BLOCK_BYTES = 1 << 20

_TEMPORARY = re.compile(r"^\..*\.tmp(\d+)-\d+$", re.DOTALL)
_NO_LINK = os.O_CLOEXEC | os.O_NOFOLLOW


def temporary_beside(path: Path) -> Path:
    """A hidden name in the same folder, this process's and thread's own, so that a rename stays on one file system."""
    return path.with_name(f".{path.name[:100]}.tmp{os.getpid()}-{threading.get_native_id()}")


def temporary_owner(name: str) -> int | None:
    """The process that made a temporary name, or None for any other name."""
    match = _TEMPORARY.match(name)
    return int(match[1]) if match else None


def write_new(path: Path, data: bytes) -> None:
    """Writes and syncs a file that must not exist; an `OSError` leaves whatever part was written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o666)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes every byte: the system may take fewer than it is given."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable: a synced file whose name was not synced is lost with the power."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems that cannot sync a folder say so with EINVAL
            raise
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Makes a folder and those above it that are missing, durably: what is saved in a folder is lost with the folder's name."""
    missing = [one for one in (path, *path.parents) if not os.path.lexists(one)]
    path.mkdir(parents=True, exist_ok=True)
    for one in missing:
        with contextlib.suppress(PermissionError):  # a folder may be written that may not be read, and so not be opened
            sync_folder(one.parent)


def made(path: Path) -> bool:
    """Makes a folder, durably, and none above it; false where something stands at the path."""
    try:
        path.mkdir()
    except FileExistsError:
        return False
    sync_folder(path.parent)
    return True


def discard(path: Path) -> None:
    """Removes a temporary file or folder of ours as far as that is possible; the sweep takes what remains."""
    for _ in range(2):  # where a call failed, the same may be granted now
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)


def read_within(folder: Path, name: str, *, limit: int) -> bytes:
    """All bytes of a file that stands in the folder itself, also where the folder's name becomes a link meanwhile.

    Raises:
        PackageRefusal: as `read_limited`; or the folder is a link, or gives its name to another.
    """
    path = folder / name
    if os.stat not in os.supports_dir_fd:
        return read_limited(path, limit=limit)
    with regular_file(path, refusal=PackageRefusal) as (descriptor, size):
        facts = os.fstat(descriptor)
        itself = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK)
        try:
            stands = os.stat(name, dir_fd=itself, follow_symlinks=False)
        finally:
            os.close(itself)
        if not os.path.samestat(facts, stands):
            raise unreadable(path, f"{name} is another file than the one in {folder.name}", PackageRefusal)
        return _all_bytes(path, descriptor, size, limit, PackageRefusal)


def read_limited(path: Path, *, limit: int, refusal: type[Refusal] = PackageRefusal) -> bytes:
    """All bytes of a regular file that is no link and not larger than `limit`.

    Raises:
        Refusal: missing, unreadable, a link, a folder or device, or too large; nothing is allocated beforehand.
    """
    with regular_file(path, refusal=refusal) as (descriptor, size):
        return _all_bytes(path, descriptor, size, limit, refusal)


def _all_bytes(path: Path, descriptor: int, size: int, limit: int, refusal: type[Refusal]) -> bytes:
    if size > limit:
        raise unreadable(path, f"{path.name} has {size} bytes; the limit is {limit}", refusal, code="FILE_TOO_LARGE")
    return b"".join(blocks(descriptor, limit=size, block=size))


def digest_of(path: Path, *, limit: int, refusal: type[Refusal] = PackageRefusal) -> tuple[int, str]:
    """The size and SHA-256 of a regular file, read in blocks; no more than one byte past `limit` is looked at."""
    digest, size = hashlib.sha256(), 0
    with regular_file(path, refusal=refusal) as (descriptor, _):
        for block in blocks(descriptor, limit=limit + 1, block=BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def blocks(descriptor: int, *, limit: int, block: int) -> Iterator[bytes]:
    """The first `limit` bytes of an open file, in pieces."""
    while limit > 0 and (piece := os.read(descriptor, min(block, limit))):
        yield piece
        limit -= len(piece)


@contextlib.contextmanager
def regular_file(path: Path, *, refusal: type[Refusal]) -> Iterator[tuple[int, int]]:
    """An open descriptor and its size; `O_NONBLOCK` because opening a pipe that was swapped in would wait for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _NO_LINK)
    except OSError as error:
        raise unreadable(path, _read_failure(path, error), refusal) from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise unreadable(path, f"{path.name} is no regular file", refusal)
        yield descriptor, facts.st_size
    except OSError as error:
        raise unreadable(path, _read_failure(path, error), refusal) from error
    finally:
        with contextlib.suppress(OSError):  # nothing was written that could be lost
            os.close(descriptor)


def unreadable(path: Path, what: str, refusal: type[Refusal], *, code: str = "FILE_UNREADABLE") -> Refusal:
    """The refusal for a file that cannot be read, with its path."""
    return refusal(code, what, where=str(path), why="its content is needed", fix="restore the file or give another path")


def _read_failure(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return f"{path.name} is a link; links are not followed"
    if error.errno == errno.ENOENT:
        return f"{path.name} does not exist"
    return f"{path.name} cannot be read: {error.strerror}"


@contextlib.contextmanager
def refusing(path: Path, *, needed: int = 0) -> Iterator[None]:
    """Turns every `OSError` of a write into a `ResourceRefusal` that names the path and what to do.

    Args:
        needed: bytes that were to be written, told beside what is free.
    """
    try:
        yield
    except OSError as error:
        raise _write_refusal(path, error, needed) from error


_FULL = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_REMEDIES = {
    errno.EMFILE: ("TOO_MANY_OPEN_FILES", "raise the limit: ulimit -n 4096"),
    errno.EFBIG: ("FILE_SIZE_LIMIT", "raise the limit: ulimit -f unlimited"),
    errno.ENOENT: ("PATH_MISSING", "create the folder again or choose another with --out"),
    errno.ENOTDIR: ("PATH_MISSING", "choose a path whose parents are folders with --out"),
    errno.ENAMETOOLONG: ("PATH_TOO_LONG", "choose a shorter name with --out"),
}


def _write_refusal(path: Path, error: OSError, needed: int) -> ResourceRefusal:
    reason = error.strerror or type(error).__name__
    if error.errno in _FULL:
        code, fix = "DISK_FULL", f"free space on that disk ({_room(path, needed)}) or choose another with --out"
    elif error.errno in _DENIED:
        code, fix = "PATH_NOT_WRITABLE", "make the folder writable or choose another with --out"
    else:
        code, fix = _REMEDIES.get(error.errno or 0, ("FILE_NOT_WRITTEN", "check the disk, or choose another with --out"))
    why = "what stood there before is kept; nothing half-written remains"
    return ResourceRefusal(code, f"{_known_as(path)} could not be written: {reason}", where=str(path), why=why, fix=fix)


def _known_as(path: Path) -> str:
    """The name of a file or folder, with that of its folder where it is a number, as a checkpoint's is."""
    *_, name = path.absolute().parts
    return name if any(map(str.isalpha, name)) else str(Path(*path.absolute().parts[-2:]))


def _room(path: Path, needed: int) -> str:
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return f"{needed} bytes needed"
    return f"{needed} bytes needed, {free} free"
