"""Encoded fields that do not fit in memory lie in files of the user's cache folder: made once, in blocks, read from there.

A folder below `encoded/` holds one field: `about.json` (what it was made of), `values` (its rows, end to end) and
`blocks.jsonl` (a line with the digest of each block that is whole). Its name is a digest of what decides every byte: the raw
values (of files: path, size and time of change), how they are encoded, and the versions that do it. Whenever it is opened each
block is held against its digest, and those that differ or were never finished are encoded: so a making that was killed goes on,
and damage is mended. Several processes wait for the one that makes it. Folders may be removed at any time; the one that was
opened longest ago goes first where room is needed.
"""

import contextlib
import hashlib
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from torch import Tensor

import thalweg
from thalweg.core import disk, files
from thalweg.core.errors import Refusal, ResourceRefusal
from thalweg.core.memory import free_bytes
from thalweg.core.run_lock import one_at_a_time
from thalweg.core.strict_json import render_json
from thalweg.data import catalogue
from thalweg.data._mapped import Mapped
from thalweg.data._paths import shown
from thalweg.data._raw_digest import raw_digest
from thalweg.data.settings import Caching
from thalweg.fields.column import Column
from thalweg.fields.encoding import BadRows, Encoding, Encodings
from thalweg.fields.ragged import Ragged

FORMAT = 1
FOLDER = "encoded"
ABOUT, VALUES, BLOCKS, BAD = "about.json", "values", "blocks.jsonl", "bad.json"
BLOCK_BYTES = 1 << 24
"""Encoded bytes that are held at a time while they are made."""
TRIED = 16
"""Rows that are encoded to see what form a field's tensor has."""
SHARE = 0.5
"""Of the free memory, what encoded values may take; of the disk's free room, what the cache may."""
WORTH = 0.1
"""Share of all encoded bytes below which a field stays in memory, for it would free little."""
MOST_BYTES = 200 * 10**9
"""Of all that is kept."""


def for_disk(encodings: Encodings, columns: Mapping[str, Column], wish: Caching) -> dict[str, Tensor]:
    """The fields that are to lie on disk, each as a tensor without rows that has the form of its rows.

    Args:
        wish: "auto": large ones, where all would take more than half of the free memory.
    """
    rows = len(next(iter(columns.values()))) if columns else 0
    room = math.inf if wish == "never" else 0.0 if wish == "always" else SHARE * (free_bytes(torch.device("cpu")) or math.inf)
    if rows * sum(_most_bytes(one) for one in encodings.values()) <= room:
        return {}
    forms = {name: _form(one, [columns[field] for field in one.fields]) for name, one in encodings.items()}
    sizes = {name: rows * form[0].nbytes for name, form in forms.items() if form is not None}
    total = sum(sizes.values())
    large = [name for name, size in sizes.items() if wish == "always" or size >= WORTH * total]
    return {name: form[:0] for name, form in forms.items() if form is not None and name in large} if total > room else {}


def _most_bytes(one: Encoding) -> int:
    """Bytes that a row takes at most where it is one tensor."""
    return 8 * math.prod(axis for axis in one.port.shape if axis is not None)


def _form(one: Encoding, columns: Sequence[Column]) -> Tensor | None:
    """The first row that can be encoded (1, ...); None where rows differ in length, or none of the first can be."""
    for start in range(0, min(len(columns[0]), 8 * TRIED), TRIED):
        try:
            encoded = one.encode([column[start : start + TRIED] for column in columns])
        except BadRows:
            continue
        return None if isinstance(encoded, Ragged) else encoded[:1]
    return None


def on_disk(one: Encoding, columns: Sequence[Column], like: Tensor) -> Mapped:
    """The tensor of all rows, as `one.encode(columns)` gives it, in a file that is made or mended where it is not whole.

    Args:
        like: (0, ...) of its form.

    Raises:
        BadRows: values that cannot be encoded, all of them at once.
        ResourceRefusal: there is no room on the disk, or it cannot be written to.
    """
    top = catalogue.cache(FOLDER)
    about = {
        "format": FORMAT,
        "thalweg": thalweg.__version__,
        "versions": {"numpy": np.__version__, "torch": torch.__version__, "pillow": PIL.__version__},
        "kind": one.kind,
        "state": one.encoded_by(),
        "raw": [raw_digest(column) for column in columns],
        "shape": [len(columns[0]), *like.shape[1:]],
        "dtype": str(like.numpy().dtype),
    }
    folder = top / f"{one.kind}-{hashlib.sha256(render_json(about)).hexdigest()[:32]}"
    with _entered(folder):
        made = _Made(folder, one, columns, like)
        made.begin(about)
        made.complete()
        return Mapped(folder / VALUES, made.shape, like.numpy().dtype)


@contextlib.contextmanager
def _entered(folder: Path) -> Iterator[None]:
    """Be alone in a folder, which is made where it is not there, or was removed while others were waited for."""
    with contextlib.ExitStack() as within:
        while True:
            with disk.refusing(folder):
                folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                within.enter_context(one_at_a_time(folder))
                if folder.is_dir():
                    break
            within.close()
        yield


def told(mapped: Sequence[Mapped]) -> list[str]:
    """A sentence on what lies on the disk; none where nothing does."""
    if not mapped:
        return []
    size = sum(one.nbytes for one in mapped)
    folder = shown(mapped[0].file.parent.parent)
    much = f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
    return [f"{much} encoded lie in {folder}, read from there while learning (--set data.cache=never; it may be removed)"]


@dataclass(frozen=True)
class _Made:
    """One field's folder, while it is looked through and made."""

    folder: Path
    encoding: Encoding
    columns: Sequence[Column]
    like: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.columns[0]), *self.like.shape[1:])

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.like.element_size()

    def begin(self, about: Mapping[str, Any]) -> None:
        """Say what this is; what cannot be read is begun anew."""
        path = self.folder / ABOUT
        with contextlib.suppress(Refusal, OSError):
            if files.read_json(path, where=str(path)) == about:
                os.utime(path)  # opened last
                return
        for name in (VALUES, BLOCKS, BAD, ABOUT):
            disk.discard(self.folder / name)
        _make_room(self.folder, self.row_bytes * self.shape[0])
        files.write_json(path, about)

    def complete(self) -> None:
        """Encode the blocks that are not whole.

        Raises:
            BadRows: values that cannot be encoded, all of them at once; they are remembered.
        """
        self._refuse_known_bad()
        known, bad = self._known(), _Bad(self.shape[0])
        with disk.refusing(self.folder / VALUES):
            descriptor = os.open(self.folder / VALUES, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            for number, (first, last) in enumerate(self._spans()):
                place = first * self.row_bytes, last * self.row_bytes
                if number not in known or _digest(descriptor, *place) != known[number]:
                    self._remake(descriptor, number, first, last, bad)
            size = 0 if bad.reasons else self.shape[0] * self.row_bytes
            if os.fstat(descriptor).st_size != size:  # what stands behind the last row is no row
                os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)
        if bad.reasons:
            files.write_json(self.folder / BAD, bad.facts)
            raise bad.refusal()

    def _spans(self) -> Iterator[tuple[int, int]]:
        """First and last + 1 of the rows of each block."""
        step = max(1, BLOCK_BYTES // max(self.row_bytes, 1))
        yield from ((first, min(first + step, self.shape[0])) for first in range(0, self.shape[0], step))

    def _known(self) -> dict[int, str]:
        """The digests of the blocks that were finished; none where the lines cannot be read."""
        path = self.folder / BLOCKS
        try:
            return {line["block"]: line["sha256"] for line in files.read_lines(path, where=str(path))}
        except (Refusal, OSError, TypeError, KeyError):
            disk.discard(path)
            return {}

    def _remake(self, descriptor: int, number: int, first: int, last: int, bad: "_Bad") -> None:
        """Encode and keep one block, or add its rows to those that cannot be encoded: then no further block is kept."""
        try:
            encoded = self.encoding.encode([column[first:last] for column in self.columns])
        except BadRows as found:
            bad.add(found, first)
            return
        if bad.reasons:
            return
        assert isinstance(encoded, Tensor)
        assert (encoded.shape[1:], encoded.dtype) == (self.like.shape[1:], self.like.dtype), "the form depends on the rows"
        data = encoded.numpy().tobytes()
        with disk.refusing(self.folder / VALUES, needed=len(data)):
            os.lseek(descriptor, first * self.row_bytes, os.SEEK_SET)
            disk.write_all(descriptor, data)
            os.fsync(descriptor)
        files.append_line(self.folder / BLOCKS, {"block": number, "sha256": hashlib.sha256(data).hexdigest()})

    def _refuse_known_bad(self) -> None:
        path = self.folder / BAD
        if not path.exists():
            return
        try:
            known = _Bad(self.shape[0], files.read_json(path, where=str(path)))
            refusal = known.refusal()
        except (Refusal, KeyError, TypeError, ValueError):
            disk.discard(path)
            return
        raise refusal


class _Bad:
    """Rows that cannot be encoded, found block by block.

    Attributes:
        facts: what a `BadRows` is made of, as JSON values.
    """

    def __init__(self, rows: int, facts: dict[str, Any] | None = None) -> None:
        self.facts: dict[str, Any] = {"reasons": {}, "rows": rows} if facts is None else facts

    @property
    def reasons(self) -> dict[Any, str]:
        """Row numbers, counted from the first of all, to what is wrong there."""
        return dict(self.facts["reasons"])

    def add(self, found: BadRows, first: int) -> None:
        """What was found in a block that begins at a row."""
        self.facts["reasons"] |= {first + row: reason for row, reason in found.reasons.items()}
        self.facts |= {key: getattr(found, key) for key in ("code", "field", "why", "fix", "tolerated")}

    def refusal(self) -> BadRows:
        """All of them at once."""
        facts = dict(self.facts)
        reasons = {int(row): reason for row, reason in facts.pop("reasons").items()}
        return BadRows(facts.pop("code"), reasons, **facts)


def _digest(descriptor: int, first: int, last: int) -> str:
    """SHA-256 of some bytes of a file, or of those that are there."""
    digest = hashlib.sha256()
    os.lseek(descriptor, first, os.SEEK_SET)
    for block in disk.blocks(descriptor, limit=last - first, block=disk.BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _make_room(folder: Path, needed: int) -> None:
    """Remove the folders that were opened longest ago until what is needed fits into the cache's share of the disk.

    Raises:
        ResourceRefusal: it is more than that share.
    """
    others = sorted((one for one in folder.parent.iterdir() if one != folder and one.is_dir()), key=_opened)
    sizes = {one: _size(one) for one in others}
    free = shutil.disk_usage(folder).free
    allowed = min(MOST_BYTES, int(SHARE * (free + sum(sizes.values()))))
    if needed > allowed:
        disk.discard(folder)
        raise ResourceRefusal(
            "CACHE_NO_ROOM",
            f"the encoded data take {needed / 1e9:,.1f} GB, on that disk they may take {allowed / 1e9:,.1f} GB",
            where=str(folder.parent),
            why="they do not fit in memory either, and half of a disk is left to others",
            fix="free space there, set THALWEG_HOME to a folder on another disk, or make pictures smaller: --image-size N",
            details={"needed_bytes": needed, "allowed_bytes": allowed, "free_bytes": free},
        )
    held = sum(sizes.values())
    for one in others:
        if held + needed <= allowed:
            break
        held -= sizes[one] if _removed(one) else 0


def _removed(folder: Path) -> bool:
    """Remove a folder, of which who reads it keeps what it reads; not one that is being made or looked through."""
    with contextlib.suppress(FileNotFoundError), one_at_a_time(folder, wait=False) as alone:
        if alone:
            disk.discard(folder)
        return alone
    return True


def _opened(folder: Path) -> float:
    with contextlib.suppress(OSError):
        return (folder / ABOUT).stat().st_mtime
    return 0.0


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return (folder / VALUES).stat().st_blocks * 512
    return 0
