"""What a zip says of its members, judged before any of them is read: names, sizes, and where their bytes lie."""

import struct
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import IO, final

LIMIT_PART_BYTES = 255
LIMIT_DEPTH = 10
_END_WITHIN = 22 + 76 + (1 << 16)
"""Bytes before the end of a zip within which its own end is told, with the longest comment."""
_TOLD, _TOLD_WIDE = struct.Struct("<LL"), struct.Struct("<QQ")
_LISTED_FREELY, _WORTH = 1 << 20, 1.25
"""A list of more bytes than this must be of members that are more than their own names."""
_LOCAL = struct.Struct("<4s22xHH")
"""What stands before a member: a signature, then at its end the lengths of its name and of further facts."""


def unsafe(name: str) -> str:
    """Why a member's name must not be trusted; empty where it may be."""
    parts = name.removesuffix("/").split("/")
    if name.startswith("/") or ".." in parts or (len(parts[0]) > 1 and parts[0][1] == ":"):
        return "it leads out of the archive"
    if "\\" in name or "\x00" in name or "" in parts or "." in parts:
        return "it has a backslash, a zero byte, or an empty part"
    if len(parts) > LIMIT_DEPTH or any(len(part.encode("utf-8", "surrogatepass")) > LIMIT_PART_BYTES for part in parts):
        return f"more than {LIMIT_DEPTH} deep or {LIMIT_PART_BYTES} bytes in a part"
    return ""


def unfit(info: zipfile.ZipInfo, *, limit: int) -> str:
    """Why a member of a zip is not read; empty where it is.

    Args:
        limit: bytes that it may unpack to.
    """
    reason = unsafe(info.filename)
    if not reason and info.external_attr >> 16 & 0o170000 not in (0, 0o100000, 0o040000):
        reason = "it is a link or device"
    if not reason:
        reason = "it is encrypted" if info.flag_bits & 1 else "it is too large" if info.file_size > limit else ""
    return reason


def twins(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that are one file where case and the spelling of accents do not count."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other is not name:
            return name, other
    return None


def listing(file: IO[bytes]) -> tuple[int, int]:
    """Bytes of a zip's list of members, and of what stands before it, as its end tells them; 0 and 0 where it has no end.

    The list takes twenty times its bytes in memory when it is read, so it is judged by this.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_WITHIN))
    tail = file.read(_END_WITHIN)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 20 > len(tail):
        return 0, 0
    found, begin = _TOLD.unpack_from(tail, at + 12)
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    if 0xFFFFFFFF in (found, begin) and wide >= 0 and wide + 56 <= len(tail):
        found, begin = _TOLD_WIDE.unpack_from(tail, wide + 40)
    return found, begin


def nearly_empty(file: IO[bytes]) -> str:
    """How many members of next to nothing a zip lists; empty where what it holds is worth its list."""
    found, begin = listing(file)
    if found > _LISTED_FREELY and begin < _WORTH * found:
        return f"a list of {found:,} bytes for members of {begin:,}"
    return ""


def overlapping(infos: Iterable[zipfile.ZipInfo]) -> tuple[str, str] | None:
    """Two members that are said to share bytes, by which a few could unpack to more than any disk holds.

    Reference: Fifield 2019, "A better zip bomb", USENIX WOOT.
    """
    ordered = sorted(infos, key=lambda info: info.header_offset)
    for one, other in pairwise(ordered):
        if one.header_offset + _LOCAL.size + len(one.filename) + one.compress_size > other.header_offset:
            return one.filename, other.filename
    return None


@final
class SharedBytes(ValueError):
    """Two members of an archive lie over each other."""


def stored_at(file: IO[bytes], infos: Sequence[zipfile.ZipInfo]) -> dict[str, tuple[int, int]]:
    """First and last byte (exclusive) of each member that is not packed.

    Raises:
        SharedBytes: two members share bytes, as those of bombs do.
        ValueError: a member does not begin where the archive says.
    """
    shared = overlapping(infos)
    if shared:
        raise SharedBytes(f"{shared[0][:60]!a} and {shared[1][:60]!a} share bytes")
    found = {}
    for info in infos:
        file.seek(info.header_offset)
        head = file.read(_LOCAL.size)
        if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
            raise ValueError(f"no member begins where {info.filename[:60]!a} should")
        if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
            raise ValueError(f"{info.filename[:60]!a} is not packed, and said to be of two sizes")
        _, name, further = _LOCAL.unpack(head)
        begin = info.header_offset + _LOCAL.size + name + further
        if info.compress_type == zipfile.ZIP_STORED:
            found[info.filename] = (begin, begin + info.file_size)
    ordered = sorted((begin, end) for begin, end in found.values())
    if any(begin < end for (_, end), (begin, _) in pairwise(ordered)):
        raise ValueError("two members share bytes")
    return found
