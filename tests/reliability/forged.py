"""Zips and packed zeros that lie, made byte by byte."""

import io
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType

MIB = 1 << 20
TABLE = b"a,b,class\n" + b"".join(b"%d,%d,%s\n" % (i, i % 7, (b"yes", b"no")[i % 2]) for i in range(60))
Maker = Callable[[Path], list[str]]


def zeros(count: int) -> bytes:
    """So many MiB of zeros as a deflate stream, without packing them all: pieces that stand for themselves, repeated."""
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packing.compress(bytes(MIB)) + packing.flush(zlib.Z_FULL_FLUSH)
    return piece * count + b"\x03\x00"


@dataclass(frozen=True)
class Member:
    """A member of a zip, as it is told; what is told need not be so.

    Attributes:
        told: bytes that it is said to unpack to; None: those that it has.
        at: where it is said to begin; None: where it does.
    """

    name: str
    data: bytes = b""
    method: int = 0
    told: int | None = None
    at: int | None = None
    mode: int = 0
    flags: int = 0

    def facts(self) -> bytes:
        size = len(self.data) if self.told is None else self.told
        sum_of = zlib.crc32(self.data) if self.method == 0 else 0
        return struct.pack("<HHHHHLLL", 20, self.flags, self.method, 0, 0x21, sum_of, len(self.data), size)

    def local(self) -> bytes:
        name = self.name.encode()
        return b"PK\x03\x04" + self.facts() + struct.pack("<HH", len(name), 0) + name + self.data

    def listed(self, at: int) -> bytes:
        name, where = self.name.encode(), at if self.at is None else self.at
        rest = struct.pack("<HHHHHLL", len(name), 0, 0, 0, 0, self.mode << 16, where)
        return b"PK\x01\x02" + struct.pack("<H", 0x0314) + self.facts() + rest + name


def zip_of(path: Path, members: Iterable[Member], *, count: int | None = None) -> Path:
    """A zip of members that may lie."""
    told, listing, file, number = 0, [], io.BytesIO(), 0
    for member in members:
        listing.append(member.listed(told))
        if member.at is None:
            told += file.write(member.local())
        number += 1
    whole = b"".join(listing)
    said = min(number if count is None else count, 0xFFFF)
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, said, said, len(whole), told, 0)
    path.write_bytes(file.getvalue() + whole + end)
    return path


def packed_zeros(count: int) -> bytes:
    """The same as zlib writes them."""
    return b"\x78\x9c" + zeros(count) + b"\0\0\0\x01"


def check(path: Path) -> list[str]:
    return ["check", str(path)]


def imported(path: Path) -> list[str]:
    return ["import-weights", str(path), "--out", str(path.parent / "written.safetensors")]


def makers(names: dict[str, object], module: str) -> dict[str, Maker]:
    """The functions of a file that make something in a folder of their own, by name, in its order."""
    return {
        name: maker
        for name, maker in names.items()
        if isinstance(maker, FunctionType)
        and maker.__module__ == module
        and maker.__annotations__ == {"folder": Path, "return": list[str]}
    }
