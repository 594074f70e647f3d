"""Whether an error says that memory ran out, and going on after one; told without torch, which has errors of its own for it."""

import contextlib
import ctypes
import gc
import sys
import traceback
from types import TracebackType
from typing import Any

UNALLOCATED = (
    "can't allocate memory",
    "std::bad_alloc",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""What torch says where the system refuses memory: its allocator for a CPU, C++ itself, and a GPU's libraries, which ask beside
its allocator for that; the latter raises an OutOfMemoryError."""
AMBIGUOUS = ("could not create a primitive", "could not execute a primitive")
"""What oneDNN says where it is refused memory for its code or its scratch, and where it has no code: then there is memory."""
SCARCE = 1 << 28
"""Bytes; where they cannot be had, memory is what was lacking."""


def out_of_memory(error: BaseException | None) -> bool:
    """Whether Python, NumPy or torch was refused memory, on any device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error) if isinstance(error, RuntimeError) else ""
    return any(one in text for one in UNALLOCATED) or (text in AMBIGUOUS and _scarce())


def _scarce() -> bool:
    try:
        return not bytearray(SCARCE)  # addressed, never written to, and so not taken
    except MemoryError:
        return True


class Attempt:
    """What is done within may be refused memory: that is noted instead of raised, and nothing of it is kept alive.

    Attributes:
        refused: memory was refused the last time.
    """

    refused = False

    def __enter__(self) -> "Attempt":
        self.refused = False
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if error is None:
            return False
        self.refused = out_of_memory(error)
        if self.refused:
            _let_go(error)
        return self.refused


def _let_go(error: BaseException) -> None:
    """Drop what the calls that failed hold: tensors in their frames, and memory that torch keeps for a GPU's next tensors."""
    seen: BaseException | None = error
    while seen is not None:
        traceback.clear_frames(seen.__traceback__)
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    gc.collect()
    return_freed_memory()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def return_freed_memory() -> None:
    """Give the system back what the C library keeps of freed memory: other libraries have allocators of their own."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # not where it is another library
        ctypes.CDLL(None).malloc_trim(0)
