"""Encoded values in a file: mapped into memory, not read into it; the system reads the rows that are gathered."""

import math
import mmap
import os
import tempfile
import warnings
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from thalweg.core import disk
from thalweg.core.memory import free_bytes
from thalweg.data import catalogue
from thalweg.fields.column import Column, take

READ_BYTES = 1 << 23
"""Bytes that are held at a time where all rows are read in turn."""


class Mapped:
    """Rows (N, ...) of one type in a file, end to end; gathered by number, as those of a tensor are.

    Pages that were read can be dropped by the system at any time, so they take no memory from anybody. The file is never
    written to from here, and stays open: it may be removed while it is read.

    Args:
        file: holds the rows in C order and nothing else.
        device: where gathered rows go.
        held: the same file, open; it is opened here where none is given.
    """

    def __init__(
        self,
        file: Path,
        shape: tuple[int, ...],
        dtype: np.dtype,
        device: torch.device | str = "cpu",
        *,
        held: int | None = None,
    ) -> None:
        self.file, self.shape, self.target = file, shape, torch.device(device)
        self._held = os.open(file, os.O_RDONLY | os.O_CLOEXEC) if held is None else os.dup(held)
        weakref.finalize(self, os.close, self._held)
        with open(self._held, "rb", closefd=False) as opened:
            self._array = np.memmap(opened, dtype, "r", shape=shape)
        self._row_bytes = math.prod(shape[1:]) * self._array.itemsize
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that the array cannot be written to: nobody does
            self.values = torch.from_numpy(self._array)
        self.dtype = self.values.dtype
        self.device = self.values.device

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.shape[0] * self._row_bytes

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The rows (B,) asked for, in that order, copied from the file; to a GPU while other work goes on."""
        if self.target.type != "cuda":
            return self.values[rows].to(self.target)
        gathered = torch.empty(len(rows), *self.shape[1:], dtype=self.dtype, pin_memory=True)
        return torch.index_select(self.values, 0, rows, out=gathered).to(self.target, non_blocking=True)

    def expect(self, rows: Tensor) -> None:
        """Have the system fetch these rows (B,) while other work goes on; what they hold does not depend on it.

        It is asked in the order in which they lie, so that a disk does not run back and forth; it waits for none of them.
        """
        mapping = self._array._mmap  # type: ignore[attr-defined]
        for first, last in _runs(rows):
            start = first * self._row_bytes // mmap.PAGESIZE * mmap.PAGESIZE
            mapping.madvise(mmap.MADV_WILLNEED, start, last * self._row_bytes - start)

    def blocks(self) -> Iterator[memoryview]:
        """All bytes in order, a block at a time, read from the file past the mapping."""
        for first in range(0, self.nbytes, READ_BYTES):
            yield memoryview(os.pread(self._held, min(READ_BYTES, self.nbytes - first), first))

    def to(self, device: torch.device | str) -> "Tensor | Mapped":
        """The rows on a device where half of what is free there holds them; else mapped, each moved as it is gathered."""
        device = torch.device(device)
        if device.type == "cpu":
            return self
        free = free_bytes(device)
        if free is not None and self.nbytes <= free // 2:
            return self.values.to(device)
        return Mapped(self.file, self.shape, self._array.dtype, device, held=self._held)


def _runs(rows: Tensor) -> list[tuple[int, int]]:
    """First and last + 1 of each run of neighbours among row numbers (B,), in ascending order."""
    ordered = np.unique(rows.numpy())
    if not len(ordered):
        return []
    edges = np.flatnonzero(np.diff(ordered) > 1)
    firsts, lasts = ordered[np.r_[0, edges + 1]], ordered[np.r_[edges, len(ordered) - 1]]
    return list(zip(firsts.tolist(), (lasts + 1).tolist(), strict=True))


def in_file(column: Column) -> bool:
    """Whether a column is an array, or a part of one, that lies in a file and is read as it is looked at."""
    base = column if isinstance(column, np.ndarray) else None
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)


def taken(column: Column, rows: Tensor) -> Column:
    """The rows of a column, to be looked at; those of an array in a file stay there, each as an array of its own."""
    apart = in_file(column) and column[0].ndim > 0
    return [column[row] for row in rows.tolist()] if apart else take(column, rows)


def in_memory(column: Column) -> Column:
    """The column, an array in a file read into memory."""
    return np.array(column) if in_file(column) else column


def end_to_end(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The rows of all arrays; where one of them lies in a file, in a further one that ends with this process."""
    if not any(in_file(array) for array in arrays):
        return np.concatenate(arrays)
    shape, dtype = (sum(map(len, arrays)), *arrays[0].shape[1:]), np.result_type(*arrays)
    folder = catalogue.cache()
    needed = math.prod(shape) * dtype.itemsize
    with disk.refusing(folder, needed=needed):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, max(needed, 1))  # a page that finds no room later would end the process
            return np.concatenate(arrays, out=np.memmap(file, dtype, "w+", shape=shape))
