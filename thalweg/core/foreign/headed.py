"""Safetensors files by their header: a list of names and numbers in JSON, in which no program can stand."""

from typing import IO

from thalweg.core.foreign.found import LIMIT_TENSORS, Lying
from thalweg.core.tensor_header import LIMIT_HEADER_BYTES, check_header

FORM = "a safetensors file"


def is_headed(head: bytes) -> bool:
    """Whether a file that begins so is to be read as a safetensors file: a length, then JSON."""
    return head[8:9] == b"{"


def headed(file: IO[bytes], size: int) -> tuple[Lying, ...]:
    """The tensors in a safetensors file of that many bytes.

    Raises:
        PackageRefusal: a header that lies.
    """
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    file.seek(0)
    head = file.read(8 + min(length, LIMIT_HEADER_BYTES))
    spans = check_header(head, where="the file", limit_tensors=LIMIT_TENSORS, size=size)
    return tuple(Lying(one.name, one.dtype, one.shape, _steps(one.shape), 0, one.begin, one.end) for one in spans)


def _steps(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of values that lie one after the other."""
    found = [1]
    for size in reversed(shape[1:]):
        found.insert(0, found[0] * max(size, 1))
    return tuple(found[: len(shape)])
