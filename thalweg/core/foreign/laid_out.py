"""The bytes of tensors as a safetensors file holds them, one after the other, from wherever they lie in another file."""

import zlib
from collections.abc import Callable, Iterator

from thalweg.core.errors import PackageRefusal
from thalweg.core.foreign.found import Lying
from thalweg.core.foreign.looking import Open
from thalweg.core.manifest import shown
from thalweg.core.tensor_header import ITEM_BYTES, header_of

BLOCK = 16 << 20


def check_sums(held: Open) -> None:
    """Compare each storage with the sum that the file tells of it.

    Raises:
        PackageRefusal: a storage is not what was written.
    """
    for begin, end, crc in sorted({(one.begin, one.end, one.crc) for one in held.found.tensors if one.crc is not None}):
        found = 0
        for first in range(begin, end, BLOCK):
            found = zlib.crc32(held.bytes(first, min(first + BLOCK, end)), found)
        if found != crc:
            names = [one.name for one in held.found.tensors if one.begin == begin]
            raise PackageRefusal(
                "WEIGHTS_DAMAGED",
                f"{shown(held.path.name)}: the bytes of {shown(names[0])} are not those that were written",
                where=f"{shown(str(held.path))}, bytes {begin:,} to {end:,}",
                why="a damaged file is never loaded",
                fix="copy it again from where it came",
            )


def blocks_of(held: Open, one: Lying) -> Iterator[bytes]:
    """The values of a tensor in their order, in pieces."""
    item = ITEM_BYTES[one.dtype]
    if one.whole:
        begin = one.begin + one.offset * item
        for first in range(begin, begin + one.bytes, BLOCK):
            yield held.bytes(first, min(first + BLOCK, begin + one.bytes))
    elif one.bytes:
        import numpy as np

        values = np.frombuffer(held.bytes(one.begin, one.end), dtype=f"V{item}", count=(one.end - one.begin) // item)
        steps = [step * item for step in one.stride]  # within the storage, as was checked when the file was looked into
        yield np.lib.stride_tricks.as_strided(values[one.offset :], one.shape, steps).tobytes()


def write_safetensors(held: Open, write: Callable[[bytes], None]) -> int:
    """Write all tensors of a file that was looked into as a safetensors file, piece by piece; returns its size."""
    order = sorted(held.found.tensors, key=lambda one: (-ITEM_BYTES[one.dtype], one.name))  # widest first: all are aligned
    header = header_of((one.name, one.dtype, one.shape) for one in order)
    write(header)
    for one in order:
        for piece in blocks_of(held, one):
            write(piece)
    return len(header) + sum(one.bytes for one in order)
