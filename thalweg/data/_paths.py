"""Paths that users give: what stands there, may it be read, what is it by its first bytes. Imports nothing heavy."""

import bz2
import gzip
import lzma
import os
import stat
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path, PurePath
from typing import Any

from thalweg.core.errors import DataRefusal, nearest
from thalweg.core.printable import printable
from thalweg.data._unread import ending, endings, mostly_unread, unread

Snapshot = tuple[int, int, int]
"""Inode, size and time of last change (ns) of a file."""

WORKBOOK, OLD_OFFICE = "an Excel workbook or another Office document", "old Office"
OPENED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
"""How a look is taken into packed files."""
BESIDE = ("readme.md", "license", "licence", "readme.txt", "readme", "license.txt")
"""Files that lie beside data."""
OFFICE = (b"[Content_Types].xml", b"xl/workbook", b"_rels/.rels", b"application/vnd.oasis.opendocument")
"""What the first bytes of a zip hold where it is one of those."""
_MAGIC = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"SQLite format 3\x00": "SQLite",
    b"\x93NUMPY": "npy",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": OLD_OFFICE,
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"%PDF-": "PDF",
    b"\x80\x04\x95": "pickle",
    b"\x80\x02": "pickle",
    b"\x00\x00\x08\x01": "idx",
    b"\x00\x00\x08\x03": "idx",
    b"RIFF": "RIFF (WAV, AVI or WebP)",
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
}
"""First bytes and what a file is that starts with them."""


def shown(path: PurePath | str) -> str:
    """A path or name as it can be printed: control and direction marks, newlines and bytes that are no text are escaped."""
    return printable(os.fspath(path))


def refuse_absent(path: Path, *, known: Collection[str]) -> None:
    """Return if a regular file or a folder stands at a path and may be read.

    Args:
        known: catalogued names, which may have been meant.

    Raises:
        DataRefusal: nothing is there, it is neither file nor folder, links go in a circle, or it may not be read.
    """
    try:
        mode = path.stat().st_mode
    except PermissionError:
        raise _forbidden(path) from None
    except FileNotFoundError:
        raise _absent(path, known) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _irregular(path, f"cannot be opened: {reason.lower()}") from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise _irregular(path, f"is a {_sort(mode)}, not a regular file")
    wanted = os.R_OK | os.X_OK if stat.S_ISDIR(mode) else os.R_OK
    if not os.access(path, wanted):
        raise _forbidden(path)
    if stat.S_ISREG(mode) and path.stat().st_size == 0:
        raise DataRefusal(
            "DATA_EMPTY_FILE",
            f"{shown(path)} is empty",
            where="0 bytes",
            why="there is nothing to learn from",
            fix="give the file that holds the data",
        )


def refuse_misnamed(path: Path, content: Sequence[str] | None) -> None:
    """Return if the file's first bytes are those of what its name says.

    Args:
        content: what a file so named may be; empty for text and the like, which have no known first bytes; None: anything.

    Raises:
        DataRefusal: it is something else; that is named.
    """
    if content is None:
        return
    found = sniffed(path)
    if found in content or (found is None and not content):
        return
    is_what = f"{found} by its content" if found else f"not {' or '.join(content)} by its content"
    raise DataRefusal(
        "DATA_MISNAMED_FILE",
        f"{shown(path.name)} is {is_what}",
        where=shown(path),
        why=f"its name ends in {path.suffix}, so it would be read as something that it is not",
        fix=_converted(found, f"rename it, or convert it to a real {path.suffix} file")
        if found
        else "the file may be cut off or damaged: fetch it again",
        details={"content": found, "expected": list(content)},
    )


def _converted(found: str | None, otherwise: str) -> str:
    """What to do with a file that is not read."""
    if found in (WORKBOOK, OLD_OFFICE):
        return "save the sheet that is meant as CSV: its values are taken, formulas and macros stay behind"
    return otherwise


def sniffed(path: Path) -> str | None:
    """What a file is by its first bytes ("zip", "Parquet", "HTML", ...); None where they are not known."""
    with path.open("rb") as file:
        return known_by(file.read(512))


def known_by(head: bytes) -> str | None:
    """What a file is that begins so; None where that is not known."""
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            return WORKBOOK if what == "zip" and any(name in head[:200] for name in OFFICE) else what
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return "HTML" if start.startswith((b"<!doctype html", b"<html")) else None


def is_tabular(path: Path) -> bool:
    """Whether a file, plain or packed, is text whose first lines all hold a tab, or all as many commas or semicolons."""
    try:
        with OPENED.get(path.suffix.casefold(), open)(path, "rb") as file:
            head: bytes = file.read(1 << 16)
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        return False
    lines = head.splitlines()[:20][: -1 if len(head) == 1 << 16 else None]
    if not lines or b"\x00" in head or known_by(head) is not None:
        return False
    counts = [{line.count(sign) for line in lines} for sign in (b",", b";")]
    return all(b"\t" in line for line in lines) or (len(lines) > 1 and any(len(one) == 1 and one != {0} for one in counts))


def snapshot(given: Any) -> Snapshot | None:
    """What tells whether a file changes while it is read; None for folders and whatever is no path."""
    if not isinstance(given, Path) or not given.is_file():
        return None
    facts = given.stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def refuse_changed(given: Any, before: Snapshot | None) -> None:
    """Return if the file is what it was at the snapshot.

    Raises:
        DataRefusal: it changed while it was read.
    """
    if before is None or snapshot(given) == before:
        return
    raise DataRefusal(
        "DATA_CHANGED",
        f"{shown(given.name)} changed while it was read",
        where=shown(given),
        why="the first rows may be old and the last ones new",
        fix="wait until it is written, then repeat the command",
    )


def unknown_suffix(path: Path, *, accepted: Sequence[str]) -> DataRefusal:
    """The refusal for a file that no source reads by its name."""
    found = sniffed(path) if path.suffix.casefold() not in OPENED else None
    held = unread(path) if found is None else None
    return DataRefusal(
        "DATA_UNKNOWN_FORMAT",
        f"{shown(path.name)}: files that end in {shown(ending(path)) or 'nothing'} are not read"
        + (f"; such files hold {held[0]}" if held else f"; it is {found} by its content" if found else ""),
        where=shown(path),
        why="how to read a file is decided by its name",
        fix=_converted(found, held[1] if held else f"convert or rename it to one of {_listed(accepted)}"),
    )


def _listed(accepted: Sequence[str]) -> str:
    """The suffixes that are read, those of packed files as one remark."""
    return ", ".join(sorted(set(accepted))) + "; tables also packed, as .csv.gz"


def not_one_table(folder: Path, readable: Sequence[Path], *, accepted: Sequence[str]) -> DataRefusal:
    """The refusal for a folder in which no source sees a dataset: none or several files could be meant."""
    if readable:
        names = ", ".join(shown(file.name) for file in readable[:5])
        return DataRefusal(
            "DATA_MANY_FILES",
            f"{shown(folder)} holds {len(readable)} files that could be meant",
            where=names + (" ..." if len(readable) > 5 else ""),
            why="they may belong together or not",
            fix=f"name one: {shown(readable[0])}",
        )
    files = [entry.name for entry in sorted(folder.iterdir()) if entry.is_file() and not entry.name.startswith(".")]
    held = mostly_unread(name for name in files if name.casefold() not in BESIDE)
    return DataRefusal(
        "DATA_NO_TABLE",
        f"{shown(folder)} holds " + (f"{held[0]}, which is not read yet" if held else "nothing that can be read as examples"),
        where=f"found: {shown(endings(files))}",
        why=f"read are {_listed(accepted)}, idx files, and pictures in one folder per class",
        fix=held[1] if held else "name a file of these, or a folder laid out as photos/<class>/<picture>.jpg",
        details={"found": dict(Counter(map(ending, files))), "accepted": sorted(accepted)},
    )


def _absent(path: Path, known: Collection[str]) -> DataRefusal:
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        parent = parent.parent
    wanted = path.relative_to(parent).parts[0] if path != parent else path.name
    try:
        beside = [entry.name for entry in sorted(parent.iterdir()) if not entry.name.startswith(".")]
    except OSError:
        beside = []
    close = [shown(parent / name) for name in nearest(wanted, beside, count=1) or _of_that_stem(wanted, beside)]
    close += nearest(str(path), known, count=1) if len(path.parts) == 1 else []
    return DataRefusal(
        "DATA_NOT_FOUND",
        f"there is no {shown(path)}"
        + ("" if path.is_absolute() or len(path.parts) > 1 else ", neither on disk nor in the catalogue"),
        where=f"looked from {shown(Path.cwd())}",
        why="there are no data to read",
        fix=f"did you mean {' or '.join(close)}?" if close else "give a path that exists, or a name of thalweg list datasets",
        details={"nearest": close},
    )


def _of_that_stem(wanted: str, beside: Sequence[str]) -> list[str]:
    """The name there that is the wanted one but for its endings: `adult.csv.gz` for `adult` or `adult.csv`."""
    stems = {name.split(".")[0]: name for name in sorted(beside)}
    return [stems[stem] for stem in nearest(wanted.split(".")[0], filter(None, stems), count=1)]


def _forbidden(path: Path) -> DataRefusal:
    try:
        mode = stat.filemode(path.stat().st_mode)
    except OSError:
        mode = f"{stat.filemode(path.parent.stat().st_mode)} (its folder)" if path.parent.exists() else "unknown"
    user = os.getuid() if os.name == "posix" else "unknown"
    return DataRefusal(
        "DATA_FORBIDDEN",
        f"{shown(path)} may not be read by this user",
        where=f"uid {user}, mode {mode}",
        why="the system refuses to open it",
        fix=f"chmod u+r{'x' if path.is_dir() else ''} {shown(path)}, or ask its owner",
    )


def _irregular(path: Path, what: str) -> DataRefusal:
    return DataRefusal(
        "DATA_NOT_A_FILE",
        f"{shown(path)} {what}",
        where=shown(path.absolute()),
        why="it might never end, or lead in a circle",
        fix="save the data in a file and give its path",
    )


def _sort(mode: int) -> str:
    tests = {"pipe": stat.S_ISFIFO, "socket": stat.S_ISSOCK, "device": stat.S_ISCHR, "block device": stat.S_ISBLK}
    return next((word for word, test in tests.items() if test(mode)), "special file")
