"""Files as blocks of bytes, unpacked on the way where their names end in .gz, .bz2, .xz, .zst or .zip (of one table).

Nothing is written to disk. How much comes out is counted while it does: what unpacks a thousandfold is refused early.
"""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from thalweg.core.disk import BLOCK_BYTES
from thalweg.core.errors import DataRefusal
from thalweg.core.loading import load_arrow
from thalweg.data._archive import LIMIT_BYTES, opened_zip, zip_members
from thalweg.data._paths import refuse_misnamed, shown

FREE_BYTES = 64 << 20
"""What comes out is not compared with what went in below this."""
MOST_TIMES = 1000
"""How many times its packed size a file may come to: text packs tenfold, a table of one value a thousandfold."""
JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")
"""First bytes of what is packed once more."""
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, ValueError)


@dataclass(frozen=True)
class Packing:
    """One way of packing: what a file's first bytes say, and how to open it."""

    content: str
    opened: Callable[[Path], Any]


def _zstandard(path: Path) -> Any:
    load_arrow()
    import pyarrow

    return pyarrow.CompressedInputStream(pyarrow.OSFile(str(path), "rb"), "zstd")


def _only_member(path: Path) -> Any:
    """The one file in a zip that is no junk of an operating system.

    Raises:
        DataRefusal: none or several, or an archive that might do harm.
    """
    archive = opened_zip(path)
    files = _tables(zip_members(archive, path)[0])
    if len(files) != 1:
        names = ", ".join(shown(str(file)) for file in files[:5]) + (" ..." if len(files) > 5 else "")
        raise DataRefusal(
            "DATA_MANY_FILES",
            f"{shown(path.name)} holds {len(files)} files" + (f": {names}" if files else ""),
            where=shown(path),
            why="one table at a time is read from an archive",
            fix="unpack it, then give the file that is meant, or a folder with train.csv and test.csv",
        )
    with archive.open(str(files[0])) as opened:
        begins = opened.read(max(map(len, ARCHIVES)))
    if begins.startswith(ARCHIVES):
        raise DataRefusal(
            "DATA_NESTED_ARCHIVE",
            f"{shown(path.name)} holds another archive, {shown(str(files[0])[:80])}",
            where=shown(path),
            why="archives within archives are not opened: they may go on without end",
            fix="unpack the outer one, then give what it holds",
        )
    return archive.open(str(files[0]))


def _tables(files: list[PurePosixPath]) -> list[PurePosixPath]:
    return [file for file in files if not set(file.parts) & set(JUNK) and not file.name.startswith(".")]


PACKED = {
    ".gz": Packing("gzip", gzip.open),
    ".bz2": Packing("bzip2", bz2.open),
    ".xz": Packing("xz", lzma.open),
    ".zst": Packing("zstandard", _zstandard),
    ".zip": Packing("zip", _only_member),
}
"""Last parts of names and how such files are packed."""


def inner_name(path: Path) -> str:
    """The file's name without the ending that says how it is packed; of an archive, the name of what it holds."""
    if path.suffix.casefold() not in PACKED:
        return path.name
    if path.suffix.casefold() == ".zip":
        with _as_refusals(path, 0), opened_zip(path) as archive:
            files = _tables(zip_members(archive, path)[0])
        return files[0].name if len(files) == 1 else path.stem
    return path.stem


def blocks_of(path: Path) -> Iterator[bytes]:
    """The file's bytes in order, unpacked.

    Raises:
        DataRefusal: it is not packed as its name says, cut off, damaged, or unpacks without measure.
    """
    packing = PACKED.get(path.suffix.casefold())
    if packing is not None:
        refuse_misnamed(path, (packing.content,))
    size, come = path.stat().st_size, 0
    with _as_refusals(path, size) as told, packing.opened(path) if packing else path.open("rb") as file:
        while piece := file.read(BLOCK_BYTES):
            come += len(piece)
            told["come"] = come
            if come > LIMIT_BYTES or come > max(FREE_BYTES, MOST_TIMES * size):
                raise _bomb(path, size, come)
            yield piece


@contextmanager
def _as_refusals(path: Path, size: int) -> Iterator[dict[str, int]]:
    """Turn what unpackers raise into a refusal that says how far they came."""
    told = {"come": 0}
    try:
        yield told
    except _DAMAGED as error:
        if isinstance(error, DataRefusal):
            raise
        raise DataRefusal(
            "DATA_DAMAGED_FILE",
            f"{shown(path.name)} cannot be unpacked: {shown(str(error)[:100]) or type(error).__name__}",
            where=f"{shown(path)}, {size:,} bytes; {told['come']:,} bytes came out",
            why="the file looks cut off or damaged, and half of a table is not the table",
            fix="fetch it again",
        ) from None


def _bomb(path: Path, size: int, come: int) -> DataRefusal:
    return DataRefusal(
        "DATA_BOMB",
        f"{shown(path.name)} unpacks to {come:,} bytes and more",
        where=f"{shown(path)}, {size:,} bytes",
        why=f"at most {MOST_TIMES:,} times the packed size, and {LIMIT_BYTES >> 30} GiB, are unpacked",
        fix="unpack it yourself and give the file",
    )


def stem_of(path: Path) -> str:
    """The file's name without its endings, `adult` of `adult.csv.gz`; what a run is named after."""
    inner = Path(path.stem) if path.suffix.casefold() in PACKED else path
    return inner.stem or path.stem
