"""Downloads: one file over the network, resumed where it was cut, and kept only if its digest is the one that is known.

Nothing here runs unless the user asked for it.
"""

import contextlib
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from thalweg.core.disk import BLOCK_BYTES, refusing, sync_folder
from thalweg.core.errors import DataRefusal, ResourceRefusal, UsageRefusal

ATTEMPTS = 5
TIMEOUT_SECONDS = 30.0
_CUT = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)

Told = Callable[[int, int], None]
"""Called with the bytes that are here and the bytes of the whole."""


def fetch(address: str, path: Path, *, size: int, digest: str, told: Told | None = None, pause_seconds: float = 1.0) -> Path:
    """The file at an address, at `path`: at once if it is there, else fetched into `path.part`, checked and renamed.

    Args:
        size: bytes that the file has; not one more is read.
        digest: "sha256:..." or "md5:..." of the file.
        pause_seconds: wait before a cut connection is tried again, doubled each time.

    Raises:
        DataRefusal: what came is not what the digest says; it was removed.
        ResourceRefusal: no connection, or the disk is full; what came is kept, and the next call goes on from there.
    """
    if path.exists():
        return path
    if not address.startswith(("https://", "http://")):
        raise UsageRefusal(
            "ADDRESS_SCHEME",
            f"{address} is no web address",
            where=f"the address of {path.name}",
            why="only https and http are fetched",
            fix="give an https address",
        )
    part = path.with_name(path.name + ".part")
    _make_folder(path.parent)
    with _alone(part) as file:
        _fill(file, address, part, size=size, told=told, pause_seconds=pause_seconds)
        _refuse_altered(part, address, digest)
        with refusing(path, needed=size):
            os.fsync(file.fileno())
            os.replace(part, path)
            sync_folder(path.parent)
    return path


def digest_of_kind(path: Path, kind: str) -> str:
    """The digest of a file as "kind:hex"; sha256 or, to compare with digests that were published so, md5."""
    with path.open("rb") as file:
        hasher = hashlib.sha256() if kind == "sha256" else hashlib.md5(usedforsecurity=False)
        while block := file.read(BLOCK_BYTES):
            hasher.update(block)
    return f"{kind}:{hasher.hexdigest()}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceRefusal(
            "CACHE_NOT_WRITABLE",
            f"no folder for fetched data can be made: {error.strerror}",
            where=str(folder),
            why="what is fetched is kept, so that it is fetched once",
            fix="set THALWEG_HOME to a folder that you may write to",
        ) from None


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[IO[bytes]]:
    """The part file, opened to append, while no other process fills it."""
    with refusing(part), part.open("ab") as file:
        try:
            _lock(file)
        except BlockingIOError:
            raise ResourceRefusal(
                "DOWNLOAD_RUNNING",
                f"another process is fetching {part.name.removesuffix('.part')}",
                where=str(part),
                why="two writers would spoil the file",
                fix="wait until it has ended, then repeat the command",
            ) from None
        yield file


def _lock(file: IO[bytes]) -> None:
    with contextlib.suppress(ImportError):  # where the system has no such lock, the digest still judges
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _fill(file: IO[bytes], address: str, part: Path, *, size: int, told: Told | None, pause_seconds: float) -> None:
    """Append what is missing, in as many connections as it takes, while each brings something or attempts are left."""
    left, reason = ATTEMPTS, ""
    while file.tell() < size:
        before = file.tell()
        try:
            _take(file, address, part, size=size, told=told)
            reason = "the connection ended early"
        except _CUT as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # the whole is here already: the digest judges
            _refuse_final(error, address)
            reason = str(getattr(error, "reason", None) or error) or type(error).__name__
        left = ATTEMPTS if file.tell() > before else left - 1
        if file.tell() < size and left == 0:
            raise _cut(address, part, reason, file.tell(), size)
        if file.tell() < size:
            time.sleep(pause_seconds * 2 ** (ATTEMPTS - left))


def _take(file: IO[bytes], address: str, part: Path, *, size: int, told: Told | None) -> None:
    """One connection: from where the file ends, or anew where the server cannot do that."""
    start = file.tell()
    headers = {"Range": f"bytes={start}-"} if start else {}
    request = urllib.request.Request(address, headers={"User-Agent": "thalweg", **headers})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        if start and answer.status != http.client.PARTIAL_CONTENT:
            file.truncate(0)
            file.seek(0)
        while file.tell() < size and (block := answer.read(min(BLOCK_BYTES, size - file.tell()))):
            with refusing(part, needed=size):
                file.write(block)
            if told is not None:
                told(file.tell(), size)
        file.flush()


def _refuse_final(error: Exception, address: str) -> None:
    """Return unless the server said that asking again will not help."""
    if isinstance(error, urllib.error.HTTPError) and error.code < 500 and error.code not in (408, 429):
        raise ResourceRefusal(
            "DOWNLOAD_REFUSED",
            f"the server answered {error.code} {error.reason}",
            where=address,
            why="the file is not there, or not for everybody",
            fix="fetch it by hand and set THALWEG_DATA to the folder that holds it",
        ) from None


def _refuse_altered(part: Path, address: str, digest: str) -> None:
    found = digest_of_kind(part, digest.partition(":")[0])
    if found == digest:
        return
    part.unlink()
    raise DataRefusal(
        "DOWNLOAD_ALTERED",
        f"{part.name.removesuffix('.part')} is not the file that is known by that name; it was removed",
        where=address,
        why=f"its digest is {found}, expected is {digest}",
        fix="repeat the command; if it stays so, the address no longer has the file, or somebody changes it on the way",
    )


def _cut(address: str, part: Path, reason: str, here: int, size: int) -> ResourceRefusal:
    return ResourceRefusal(
        "DOWNLOAD_CUT",
        f"{here:,} of {size:,} bytes came, then: {reason[:100]}",
        where=address,
        why=f"what came is kept in {part.name}",
        fix="repeat the command when the network is back: it goes on from there",
    )
