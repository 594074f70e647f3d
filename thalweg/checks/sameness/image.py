"""Pictures are the same byte by byte: files by their content, arrays by their values."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.checks.hashing import hash_of_bytes
from thalweg.checks.seen import Seen
from thalweg.core.registry import sameness


@sameness("image")
def image(seen: Seen) -> np.ndarray:
    """(N,) uint64; what cannot be opened is the same as nothing else."""
    return hash_of_bytes(_contents(seen))


def _contents(seen: Seen) -> Iterator[bytes]:
    for row, value in enumerate(seen.column):
        yield _content(value, row)


def _content(value: Any, row: int) -> bytes:
    if isinstance(value, np.ndarray):
        return _form(value.shape, value.dtype) + value.tobytes()
    try:
        if isinstance(value, str | Path):
            with Path(value).open("rb") as file:
                digest = hashlib.file_digest(file, "blake2b").digest()
            return digest if Path(value).stat().st_size else b"empty %d" % row
        return b"%d x %d" % value.size + bytes(value.tobytes())
    except (OSError, AttributeError, TypeError):
        return b"unreadable %d" % row


@cache
def _form(shape: Sequence[int], dtype: np.dtype) -> bytes:
    return f"{shape} {dtype}".encode()
