"""idx files, the format of MNIST: a big-endian header of type and shape, then the values; plain or gzipped."""

import gzip
import hashlib
import math
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from thalweg.core.disk import digest_of
from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown
from thalweg.data._shapes import refuse_unequal
from thalweg.data.dataset import PARTS, Examples

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_GAIN = 1100
"""gzip packs at most 1,032 to 1: a header that claims more is forged."""
NAME = re.compile(r"^(?P<set>.+)-(?P<role>images|labels)[-.]idx\d-ubyte(\.gz)?$")
LIMIT_BYTES = 8 << 30


def read_idx(path: Path) -> np.ndarray:
    """The array of an idx file.

    Raises:
        DataRefusal: the header is not that of an idx file, or there are not as many values as it promises.
    """
    try:
        with path.open("rb") as file:
            return _array(gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file, path)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, str(error)) from None


def idx_files(folder: Path) -> dict[tuple[str, str], Path]:
    """The idx files of a folder, or of `raw/` in it, by part and role ("images", "labels")."""
    found: dict[tuple[str, str], Path] = {}
    for place in (folder, folder / "raw"):
        names = sorted(place.iterdir(), key=lambda path: path.name, reverse=True) if place.is_dir() else []
        for path in names:  # plain before gzipped, train10k before train: the last one stays
            match = NAME.match(path.name)
            part = _part(match["set"]) if match else None
            if match and part and path.is_file():
                found[part, match["role"]] = path
    return found


def examples_of_idx(folder: Path, name: str, *, classes: list[str] | None = None) -> Examples:
    """Examples of the idx files in a folder: `image` (N, H, W) and `class`; train and test are kept as they came.

    Args:
        classes: names in place of the numbers.

    Raises:
        DataRefusal: images or labels are missing, damaged, or differ in number.
    """
    files = idx_files(folder)
    parts = [part for part in PARTS if (part, "images") in files]
    _refuse_incomplete(files, parts, folder)
    pictures = {part: read_idx(files[part, "images"]) for part in parts}
    labels = {part: read_idx(files[part, "labels"]) for part in parts}
    for part in parts:
        refuse_unequal({"images": len(pictures[part]), "labels": len(labels[part])}, f"{shown(folder)}, {part}")
    codes = np.concatenate([labels[part] for part in parts])
    examples = Examples(
        name,
        {"image": np.concatenate([pictures[part] for part in parts]), "class": _named(codes, classes)},
        kinds={"image": "image", "class": "category"},
        roles={"class": "target"},
    )
    edges = np.cumsum([0] + [len(labels[part]) for part in parts]).tolist()
    examples.given = {part: torch.arange(edges[i], edges[i + 1]) for i, part in enumerate(parts)}
    examples.facts = {"digest": _digest(files)} | ({"classes": classes} if classes else {})
    return examples


def _named(codes: np.ndarray, classes: list[str] | None) -> np.ndarray:
    if classes is None or codes.max() >= len(classes):
        return codes.astype(np.int64)
    return np.array(classes)[codes]


def _array(file: gzip.GzipFile | BinaryIO, path: Path) -> np.ndarray:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\x00\x00" or head[2] not in TYPES or head[3] == 0:
        raise _damaged(path, f"it starts with {head.hex(' ')}, an idx file with 00 00, a type and the number of axes")
    shape = [int.from_bytes(file.read(4), "big") for _ in range(head[3])]
    dtype = np.dtype(TYPES[head[2]])
    promised, packed = math.prod(shape) * dtype.itemsize, path.stat().st_size
    most = packed * (MOST_GAIN if path.suffix == ".gz" else 1)
    if promised > min(most, LIMIT_BYTES):
        raise _damaged(path, f"its header promises {promised:,} bytes, more than a file of {packed:,} can hold")
    data = file.read(promised + 1)
    if len(data) != promised:
        longer = "more" if len(data) > promised else f"{len(data):,}"
        raise _damaged(path, f"its header promises {promised:,} bytes, it holds {longer}")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _part(name: str) -> str | None:
    """The part that the first piece of a file's name says: t10k and test are the test, train10k is training too."""
    last = name.casefold().split("-")[-1]
    if last in ("t10k", "test"):
        return "test"
    if last.startswith("train"):
        return "train"
    return "validation" if last in ("val", "valid", "validation") else None


def _refuse_incomplete(files: Mapping[tuple[str, str], Path], parts: list[str], folder: Path) -> None:
    lacking = [
        f"{role} of {part}"
        for part in {part for part, _ in files}
        for role in ("images", "labels")
        if (part, role) not in files
    ]
    if parts and not lacking:
        return
    raise DataRefusal(
        "DATA_PART_INCOMPLETE",
        f"{shown(folder)} lacks {', '.join(sorted(lacking)) or 'images'}",
        where=f"found {', '.join(sorted(shown(path.name) for path in files.values()))}",
        why="each picture needs its class",
        fix="put the missing file beside the others, named like train-labels-idx1-ubyte.gz",
    )


def _digest(files: Mapping[tuple[str, str], Path]) -> str:
    """One digest of all files, in the order of their names."""
    digests = [digest_of(path.resolve(), limit=LIMIT_BYTES, refusal=DataRefusal)[1] for path in sorted(files.values())]
    return f"sha256:{hashlib.sha256(''.join(digests).encode()).hexdigest()}"


def _damaged(path: Path, reason: str) -> DataRefusal:
    return DataRefusal(
        "DATA_DAMAGED_FILE",
        f"{shown(path.name)} cannot be read: {shown(reason[:120])}",
        where=shown(path),
        why="the file looks cut off or damaged",
        fix="fetch it again",
    )
