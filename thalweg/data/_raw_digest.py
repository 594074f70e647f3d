"""The digest of a raw column: what tells whether values that were encoded before are still those."""

import hashlib
import os
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from thalweg.fields.column import Column

AT_ONCE = 1 << 24
"""Bytes of an array that are looked at in one go."""


def raw_digest(column: Column) -> str:
    """SHA-256 of all values of a column; files that they name count by path, size and time of change."""
    sha = hashlib.sha256()
    if isinstance(column, np.ndarray):
        _add_array(sha, column)
        return sha.hexdigest()
    sha.update(b"values, one by one\n")
    texts = list(islice((one for one in column if isinstance(one, str)), 10))
    named = bool(texts) and all(map(os.path.isfile, texts))
    for value in column:
        _add(sha, Path(value) if named and isinstance(value, str) else value)
    return sha.hexdigest()


def _add(sha: Any, value: Any) -> None:
    if isinstance(value, Path):
        try:
            facts = value.stat()
            sha.update(repr((str(value.absolute()), facts.st_size, facts.st_mtime_ns)).encode(errors="surrogateescape"))
        except OSError:
            sha.update(repr((str(value), None)).encode(errors="surrogateescape"))
    elif isinstance(value, np.ndarray):
        _add_array(sha, value)
    elif isinstance(value, Tensor):
        _add_array(sha, value.numpy(force=True))
    elif isinstance(value, list | tuple):  # shown as text, large arrays within are cut short
        sha.update(f"{type(value).__name__} {len(value)}\n".encode())
        for one in value:
            _add(sha, one)
    elif isinstance(value, Image.Image):
        shown = (value.mode, value.size, value.getpalette(), value.info.get("transparency"))
        sha.update(repr(shown).encode() + value.tobytes())
    else:
        sha.update(f"{type(value).__name__} {value!r}\n".encode(errors="surrogatepass"))


def _add_array(sha: Any, array: np.ndarray) -> None:
    sha.update(f"{array.dtype.str} {array.shape}\n".encode())
    rows = max(1, AT_ONCE // max(array[:1].nbytes, 1)) if array.ndim else 1
    for start in range(0, len(array) if array.ndim else 0, rows):
        sha.update(np.ascontiguousarray(array[start : start + rows]).tobytes())
