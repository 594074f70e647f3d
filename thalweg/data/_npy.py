"""NumPy files, opened without trust: the header is judged before anything is allocated, Python objects are never unpickled."""

import math
import re
import struct
import tokenize
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from thalweg.core.errors import DataRefusal
from thalweg.data._archive import opened_zip
from thalweg.data._paths import shown

SUSPICIOUS_BYTES = 256 << 20
"""Up to this size an archive may unpack to however many times its own."""
SUSPICIOUS_RATIO = 500
"""Empty corners of medical volumes reach 220; a file of zeros reaches 1,030."""
LIMIT_MEMBERS = 1000
LIMIT_LIST = 1 << 20
"""Bytes of the list of members: a thousand names of a thousand signs."""
ADDRESS = re.compile(r":? <[^>]* object at 0x[0-9a-f]+>")
"""What numpy tells of a header that is a program, and nobody can use."""
LIMIT_HEADER = 10_000
LOCAL_LENGTHS = 26
"""Where, in what stands before a member of a zip, the lengths of its name and of further facts are told."""
MAPPED_FROM = 1 << 27
"""Bytes from which an array that is not packed stays in its file, and is read as it is looked at."""


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz by name.

    Raises:
        DataRefusal: it is damaged, holds Python objects or other things than arrays, or claims more than it can hold.
    """
    try:
        with opened_zip(path, most=LIMIT_LIST) as archive:
            members = _members(archive, path)
            _refuse_bomb(members, path)
            for name, member in members.items():
                with archive.open(member) as file:
                    _check_header(file, name, member.file_size, path)
            return {name: _member(archive, member, path) for name, member in members.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError) as error:
        if isinstance(error, DataRefusal):
            raise
        raise _damaged(path, str(error)) from None


def read_npy(path: Path) -> np.ndarray:
    """The array of an .npy file.

    Raises:
        DataRefusal: as for `read_npz`.
    """
    try:
        with path.open("rb") as file:
            _check_header(file, path.stem, path.stat().st_size, path)
            if path.stat().st_size >= MAPPED_FROM:
                return _in_file(file, 0, path)
            file.seek(0)
            array: np.ndarray = npy.read_array(file, allow_pickle=False, max_header_size=LIMIT_HEADER)
            return array
    except (EOFError, OSError, ValueError) as error:
        if isinstance(error, DataRefusal):
            raise
        raise _damaged(path, str(error)) from None


def _members(archive: zipfile.ZipFile, path: Path) -> Mapping[str, zipfile.ZipInfo]:
    """The members by name, which all must be .npy files."""
    infos = archive.infolist()
    names = Counter(info.filename for info in infos)
    strange = [name for name, count in names.items() if not name.endswith(".npy") or count > 1]
    if strange or not infos or len(infos) > LIMIT_MEMBERS:
        workbook = any(name.startswith("xl/") for name in names)
        what = "is an Excel workbook" if workbook else "holds something other than arrays" if infos else "holds no arrays"
        raise DataRefusal(
            "DATA_MISNAMED_FILE" if strange else "DATA_NPZ_MEMBERS",
            f"{shown(path.name)} {what}",
            where=", ".join(shown(name) for name in strange[:5]) or f"{len(infos)} members",
            why="an .npz is a zip of .npy files, each named once, a thousand at most",
            fix="rename it to .xlsx" if workbook else "save it again: numpy.savez(file, x=..., y=...)",
        )
    return {info.filename.removesuffix(".npy"): info for info in infos}


def _refuse_bomb(members: Mapping[str, zipfile.ZipInfo], path: Path) -> None:
    """Return unless the archive claims to unpack to far more than it weighs."""
    whole, packed = sum(info.file_size for info in members.values()), path.stat().st_size
    if whole <= SUSPICIOUS_BYTES or whole <= SUSPICIOUS_RATIO * packed:
        return
    raise DataRefusal(
        "DATA_BOMB",
        f"{shown(path.name)} has {packed:,} bytes and would unpack to {whole:,}",
        where=f"{whole / max(packed, 1):,.0f} times its size; allowed: {SUSPICIOUS_RATIO} or {SUSPICIOUS_BYTES >> 20} MiB",
        why="an archive made to fill the memory looks like this",
        fix="if it is yours, save it unpacked: numpy.savez(file, x=..., y=...), not savez_compressed",
    )


def _check_header(file: IO[bytes], name: str, size: int, path: Path) -> None:
    """Return if a member's header promises plain values, as many as there are bytes for."""
    shape, _, dtype = _header(file)
    if dtype.hasobject:
        raise DataRefusal(
            "DATA_PYTHON_OBJECTS",
            f"{shown(name)} in {shown(path.name)} contains Python objects; refused",
            where=f"type {dtype}, shape {shape}",
            why="reading them could run a program that came with the file",
            fix=f'save it as text or numbers: {shown(name)} = numpy.array(values, dtype="U") or dtype=float',
        )
    promised = math.prod(shape) * dtype.itemsize
    if any(axis < 0 for axis in shape) or promised != size - file.tell():
        raise DataRefusal(
            "DATA_FALSE_HEADER",
            f"{shown(name)} in {shown(path.name)} claims {promised:,} bytes and holds {size - file.tell():,}",
            where=f"type {dtype}, shape {shape}",
            why="the file is cut off or forged; nothing was allocated",
            fix="save or fetch it again",
        )


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis runs fastest, and type; what follows are the values."""
    version = npy.read_magic(file)
    reading = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        found: tuple[tuple[int, ...], bool, np.dtype] = reading(file, max_header_size=LIMIT_HEADER)
    except (tokenize.TokenError, SyntaxError, RecursionError, ValueError) as error:  # numpy lets some through as they are
        raise ValueError(f"its header cannot be read: {ADDRESS.sub('', str(error.args[0]))}") from None
    return found


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> np.ndarray:
    """One array of an archive: in memory, or in the file where it is large and not packed."""
    if member.compress_type == zipfile.ZIP_STORED and member.file_size >= MAPPED_FROM:
        with archive.open(member), path.open("rb") as file:  # opening compares what the archive says twice of this member
            file.seek(member.header_offset + LOCAL_LENGTHS)
            name, extra = struct.unpack("<HH", file.read(4))
            return _in_file(file, member.header_offset + LOCAL_LENGTHS + 4 + name + extra, path)
    with archive.open(member) as packed:
        array: np.ndarray = npy.read_array(packed, allow_pickle=False, max_header_size=LIMIT_HEADER)
        return array


def _in_file(file: IO[bytes], start: int, path: Path) -> np.ndarray:
    """The array whose header begins at a byte of a file, mapped; the header was judged before."""
    file.seek(start)
    shape, by_columns, dtype = _header(file)
    return np.memmap(path, dtype, "r", file.tell(), shape, "F" if by_columns else "C")


def _damaged(path: Path, reason: str) -> DataRefusal:
    return DataRefusal(
        "DATA_DAMAGED_FILE",
        f"{shown(path.name)} cannot be read as arrays: {shown(reason[:100])}",
        where=shown(path),
        why="the file looks cut off or damaged",
        fix="save or fetch it again",
    )
