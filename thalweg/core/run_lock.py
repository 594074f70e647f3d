"""One process per run folder: a lock file that names its holder, so that the second one can say who, where and since when.

A process is told apart by its number, its start time, the boot and the host: numbers come round again, above all in containers.
"""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from thalweg.core.disk import discard, refusing
from thalweg.core.errors import Refusal, UsageRefusal
from thalweg.core.files import is_alive, read_json, write_json
from thalweg.core.manifest import shown

LOCK = ".lock"
LIMIT_LOCK_BYTES = 4096


@dataclass(frozen=True)
class Holder:
    """The process that holds a run folder."""

    pid: int
    host: str
    boot: str
    started: str
    since: str


@dataclass
class RunLock:
    """A held lock; a context manager that lets go at its end.

    Attributes:
        note: what the user should be told when a dead process's lock was taken over, else None.
    """

    path: Path
    holder: Holder
    note: str | None = None

    def release(self) -> None:
        """Lets go, if the lock is still this process's own; a forked child or a second release does nothing."""
        if self.holder.pid == os.getpid():
            if _holder_of(self.path) == self.holder:
                discard(self.path)
            elif moved := moved_to(self.path.parent):  # with the folder
                discard(moved / LOCK)

    def __enter__(self) -> "RunLock":
        return self

    def __exit__(self, *failure: object) -> None:
        self.release()


def take_lock(folder: Path) -> RunLock:
    """Makes this process the only one that writes to the folder.

    Raises:
        UsageRefusal: another process holds it, or one on another host, which cannot be asked whether it lives.
        ResourceRefusal: the lock cannot be written.
    """
    path = Path(folder) / LOCK
    with refusing(path), one_at_a_time(path.parent):
        note = None
        if os.path.lexists(path):
            found = _holder_of(path)
            if found is None or _holds(found):
                raise _held(path, found)
            note = f"taking over {folder}: process {found.pid}, which held it since {shown(found.since)}, is gone"
        lock = RunLock(path, _ourselves(), note)
        write_json(path, asdict(lock.holder))
    return lock


class Holding(Enum):
    """Who has a run folder: nobody, somebody, or a process that is gone and did not let go."""

    FREE, HELD, LEFT = "free", "held", "left"


def holding(folder: Path) -> Holding:
    """Who has a run folder just now."""
    path = Path(folder) / LOCK
    if not os.path.lexists(path):
        return Holding.FREE
    found = _holder_of(path)
    return Holding.HELD if found is None or _holds(found) else Holding.LEFT


def held_by_another(folder: Path) -> bool:
    """Whether a lock lies there that is not this process's own."""
    path = Path(folder) / LOCK
    return os.path.lexists(path) and not _our_own(path)


def moved_to(folder: Path) -> Path | None:
    """Where a folder stands that this process held: the only one beside its former place that has a lock of this process."""
    with contextlib.suppress(OSError):
        found = [
            lock.parent for lock in Path(folder).parent.glob(f"*/{LOCK}") if lock.parent != Path(folder) and _our_own(lock)
        ]
        return found[0] if len(found) == 1 else None
    return None


def _our_own(path: Path) -> bool:
    holder = _holder_of(path)
    return holder is not None and replace(holder, since="") == replace(_ourselves(), since="")


@contextlib.contextmanager
def one_at_a_time(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """While this is entered, every other process that wants to enter it for the same folder waits.

    Args:
        wait: else it is said at once whether nobody else is within.
    """
    descriptor, alone = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), True
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            alone = False
        except OSError:  # some network file systems have no such locks; the lock file itself remains
            pass
        yield alone
    finally:
        os.close(descriptor)


def _ourselves() -> Holder:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(os.getpid(), socket.gethostname(), _boot(), _started(os.getpid()), since)


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""  # where the system keeps no such number, the process number alone must do


def _started(process: int) -> str:
    """When a living process began, in the kernel's ticks; empty for one that is dead, or where that cannot be known."""
    try:
        facts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if facts[0] in "ZX" else facts[19]  # a killed process that nobody waited for keeps its number


def _holder_of(path: Path) -> Holder | None:
    try:
        facts: Any = read_json(path, where=str(path), refusal=UsageRefusal, limit=LIMIT_LOCK_BYTES)
        holder = Holder(**facts)
    except (Refusal, TypeError):
        return None
    texts = (holder.host, holder.boot, holder.started, holder.since)
    return holder if type(holder.pid) is int and holder.pid > 0 and all(isinstance(text, str) for text in texts) else None


def _holds(holder: Holder) -> bool:
    if holder.host != socket.gethostname():
        return True
    if holder.boot != _boot() or not is_alive(holder.pid):
        return False
    return not holder.started or holder.started == _started(holder.pid)


def _held(path: Path, holder: Holder | None) -> UsageRefusal:
    if holder is None:
        who = "another process holds this run, but its lock cannot be read"
    else:
        who = f"process {holder.pid} on {shown(holder.host)} holds this run since {shown(holder.since)}"
    return UsageRefusal(
        "RUN_LOCKED",
        who,
        where=str(path),
        why="two processes that write one run folder damage it",
        fix=f"wait, or choose another --out; if that process is surely gone: rm {path}",
        details=asdict(holder) if holder else {},
    )
