"""Archives, read member by member in memory: nothing is extracted to disk, links and devices are never followed.

A name counts only if it could be written safely anywhere, sizes are judged before and counted while reading.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from thalweg.core.archives import listing, nearly_empty, overlapping, twins, unfit, unsafe
from thalweg.core.disk import BLOCK_BYTES
from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown

LIMIT_BYTES = 8 << 30
"""What the members of one archive may come to together."""
LIMIT_MEMBER = 256 << 20
LIMIT_MEMBERS = 1_000_000
LIMIT_LIST = 256 << 20
"""Bytes of the list of members."""
FREE_BYTES, MOST_TIMES = 16 << 20, 100
"""A member that is read whole may unpack to so much, or to so many times what it weighs: pictures and sheets pack less."""


def opened_zip(path: Path, *, most: int = LIMIT_LIST) -> zipfile.ZipFile:
    """A zip, after what it says of its list of members was judged.

    Args:
        most: bytes that the list may have.

    Raises:
        DataRefusal: the list is too long, or one of next to nothing.
        BadZipFile: it is none.
    """
    with path.open("rb") as file:
        listed, said = listing(file)[0], nearly_empty(file)
    if listed > most or said:
        what = said or f"a list of {listed:,} bytes; the limit is {most:,}"
        raise _refused(path, "DATA_BOMB", f"holds too many members: {what}", "the list alone would fill the memory")
    return zipfile.ZipFile(path)


def zip_members(archive: zipfile.ZipFile, path: Path) -> tuple[list[PurePosixPath], list[PurePosixPath]]:
    """The regular files and the folders of a zip, after all names and declared sizes were judged.

    Raises:
        DataRefusal: an unsafe name, a link, two names that differ by case or accents only, encryption, bytes before the first
            member (another archive, a picture), or too much in all.
    """
    infos = archive.infolist()
    whole = sum(info.file_size for info in infos)
    if len(infos) > LIMIT_MEMBERS or whole > LIMIT_BYTES:
        raise _refused(
            path,
            "DATA_BOMB",
            f"would unpack to {whole:,} bytes in {len(infos):,} members",
            "an archive of bounded size is read",
        )
    if infos and min(info.header_offset for info in infos) > 0:
        what = "begins with something else than its first member"
        raise _refused(path, "DATA_UNSAFE_ARCHIVE", what, "another program may take it for another file or archive")
    for info in infos:
        reason = unfit(info, limit=LIMIT_MEMBER)
        if reason:
            raise _harmful(path, f"holds {shown(info.filename[:80])}: {reason}")
    shared = overlapping(infos)
    if shared:
        raise _harmful(path, f"holds {shown(shared[0][:80])} and {shown(shared[1][:80])} in the same bytes")
    same = twins(info.filename for info in infos)
    if same:
        what = f"holds {shown(same[0])} and {shown(same[1])}"
        raise _refused(path, "DATA_UNSAFE_ARCHIVE", what, "they are one file where case does not count")
    files = [PurePosixPath(info.filename) for info in infos if not info.is_dir()]
    folders = {PurePosixPath(info.filename) for info in infos if info.is_dir()} | {up for file in files for up in file.parents}
    return files, sorted(folders - {PurePosixPath()})


def zip_content(archive: zipfile.ZipFile, file: PurePosixPath, path: Path) -> bytes:
    """The bytes of a member, never more than were declared.

    Raises:
        DataRefusal: the member is damaged, or would unpack to far more than it weighs.
    """
    info = archive.getinfo(str(file))
    if info.file_size > max(FREE_BYTES, MOST_TIMES * info.compress_size):
        what = f"would unpack {shown(str(file)[:80])} from {info.compress_size:,} bytes to {info.file_size:,}"
        raise _refused(path, "DATA_BOMB", what, "an archive made to fill the memory looks like this")
    try:
        with archive.open(info) as opened:
            return opened.read(info.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise _damaged(path, f"{file.name}: {error}") from None


def tar_contents(path: Path, wanted: Collection[str], *, largest: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the wanted members of a tar, in its order; everything else is passed over unread.

    Args:
        wanted: last parts of the members' names.
        largest: bytes that a member may have.

    Raises:
        DataRefusal: a wanted member is no regular file or too large, or the archive is damaged.
    """
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name not in wanted:
                    continue
                if not member.isreg() or member.size > largest or unsafe(member.name):
                    raise _harmful(path, f"holds {shown(name)}, which is no plain file of the size expected")
                yield name, _member_bytes(archive, member)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise _damaged(path, str(error)) from None


def _member_bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    assert opened is not None, "a regular member can be read"
    pieces, left = [], member.size
    while left > 0 and (piece := opened.read(min(BLOCK_BYTES, left))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _harmful(path: Path, what: str) -> DataRefusal:
    return _refused(path, "DATA_UNSAFE_ARCHIVE", what, "an archive may be made to do harm")


def _refused(path: Path, code: str, what: str, why: str) -> DataRefusal:
    return DataRefusal(
        code, f"{shown(path.name)} {what}", where=shown(path), why=why, fix="unpack it yourself and give the folder"
    )


def _damaged(path: Path, reason: str) -> DataRefusal:
    why = "the archive looks cut off or damaged"
    return DataRefusal(
        "DATA_DAMAGED_FILE",
        f"{shown(path.name)} cannot be read: {shown(reason[:100])}",
        where=shown(path),
        why=why,
        fix="fetch it again",
    )
