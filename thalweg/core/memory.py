"""Memory: how much is free, a net that cannot fit refused before it is built, freed memory kept while steps are taken."""

import ctypes
import os
import resource
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from thalweg.core.errors import ResourceRefusal

CREATED = ("empty", "zeros", "ones", "full", "rand", "randn", "empty_strided")
"""What torch makes a new tensor with, by the size given first, as a sequence or as one number after the other."""
WORTH_ASKING = 1 << 26
"""Bytes of one tensor from which the free memory is asked for."""
KEPT = 1 << 30
"""Bytes of freed memory that the process keeps while it trains."""
SCARCE = 2 * KEPT
"""Bytes that the process's own limits leave it below which it keeps none."""
APART = 1 << 17
"""Bytes from which what is asked for has pages of its own where none are kept, which go back as soon as it is freed."""
_TRIM, _MAPPED = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_USED = ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes")


def free_bytes(device: torch.device) -> int | None:
    """Bytes that can still be had on a device; None where that cannot be told."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return None
    known = [bytes_ for bytes_ in (_available(), _within_group(), _within_limits()) if bytes_ is not None]
    return min(known, default=None)


def room_told(free: int | None) -> str:
    """How a refusal for want of memory ends: "; 512 MB is free"; nothing where that cannot be told."""
    return "" if free is None else f"; {free / 1e6:,.0f} MB is free"


def keep_freed_memory() -> bool:
    """Lets the C library keep freed memory, up to `KEPT`, instead of returning it to the system after every operation.

    Each step of a training frees and takes the same tensors. Linux's allocator gives those of some megabytes back, and has the
    system clear every page anew: 12,400 pages a step of a residual net of 308 k weights, a quarter of its time (128 pictures of
    28 x 28, two threads of an AMD EPYC: 88 ms -> 65 ms, three pairs in turn). What the user set for the allocator by its
    environment variables stays.

    Where the process's own limits leave it little, what is large goes back as soon as it is freed instead. What is kept lies in
    one piece, in which small tensors that stay (targets, rows of metrics) come to lie between large ones; a place that lost a
    few bytes to them does not hold the next tensor of the same size, which is asked for with room for its alignment. By chance,
    once through 246 batches of 3 MB took up to 200 MB beyond the 147 in use, and what the limit left (LOG.md).

    Returns:
        Whether it is kept: not where memory is scarce, nor where the C library is another one.
    """
    scarce = is_scarce()
    return _mapped_from(APART if scarce else KEPT) and not scarce


def is_scarce() -> bool:
    """Whether the process's own limits leave it little."""
    left = _within_limits()
    return left is not None and left < SCARCE


def _mapped_from(size: int) -> bool:
    """Have the C library give pages of their own to what takes so many bytes, and keep up to so many that are freed."""
    if any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        library = ctypes.CDLL(None)
        return bool(library.mallopt(_MAPPED, size)) and bool(library.mallopt(_TRIM, size))
    except (OSError, AttributeError, TypeError):
        return False


class WithinMemory(TorchFunctionMode):
    """While a net is built within: a tensor larger than what is free is refused before its memory is touched.

    Args:
        device: where the net will live.
        where: the net's name, for the refusal.

    Raises:
        ResourceRefusal: the tensor cannot fit; its size and what is free are named.
    """

    def __init__(self, device: torch.device, where: str) -> None:
        super().__init__()
        self.device, self.where = device, where

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 - whatever the operation answers
        given = dict(kwargs or {})
        if args and getattr(func, "__name__", "") in CREATED:
            shape = args[0] if isinstance(args[0], list | tuple) else [one for one in args if isinstance(one, int)]
            self._refuse_larger(shape, (given.get("dtype") or torch.get_default_dtype()).itemsize)
        return func(*args, **given)

    def _refuse_larger(self, shape: Sequence[int], width: int) -> None:
        needed = prod(shape) * width
        places = (torch.device("cpu"), self.device)  # it is built on the one and moved to the other
        known = [bytes_ for place in places if needed >= WORTH_ASKING and (bytes_ := free_bytes(place)) is not None]
        free = min(known, default=None)
        if free is not None and needed > free:
            raise ResourceRefusal(
                "MODEL_TOO_LARGE",
                f"one tensor of {' x '.join(f'{size:,}' for size in shape)} takes {needed / 1e9:,.1f} GB; {free / 1e9:,.1f} GB"
                f" of {'memory' if self.device.type == 'cpu' else str(self.device)} is free",
                where=f"model {self.where}",
                why="training would stop before the first step",
                fix=f"smaller sizes: --set model.KEY=VALUE; thalweg info {self.where} lists them",
                details={"shape": list(shape), "needed_bytes": needed, "free_bytes": free},
            )


def refuse_too_large(module: torch.nn.Module, device: torch.device, *, where: str) -> None:
    """Return if there is room for the gradients of a net that has been built, as large together as what is trained of it."""
    trained = sum(one.numel() * one.element_size() for one in module.parameters() if one.requires_grad)
    free = free_bytes(device) if trained >= WORTH_ASKING else None
    if free is not None and trained > free:
        raise ResourceRefusal(
            "MODEL_TOO_LARGE",
            f"the weights take {trained / 1e9:,.1f} GB and their gradients as much again; {free / 1e9:,.1f} GB is free",
            where=f"model {where}",
            why="training would stop in the first step",
            fix=f"smaller sizes: --set model.KEY=VALUE; thalweg info {where} lists them",
            details={"needed_bytes": trained, "free_bytes": free},
        )


def _available() -> int | None:
    """What the system says can be had without pushing others out (Linux); None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _within_group() -> int | None:
    """What the limit of a container leaves; None without one."""
    for limit, used in zip(_LIMITS, _USED, strict=True):
        try:
            return max(int(Path(limit).read_text(encoding="ascii")) - int(Path(used).read_text(encoding="ascii")), 0)
        except (OSError, ValueError):  # absent, or "max"
            continue
    return None


def _within_limits() -> int | None:
    """What the process's own limits leave it (`ulimit -d`, `ulimit -v`); None without one, or where it cannot be told."""
    try:
        limits = {"VmData": resource.getrlimit(resource.RLIMIT_DATA)[0], "VmSize": resource.getrlimit(resource.RLIMIT_AS)[0]}
        limits = {of: limit for of, limit in limits.items() if limit != resource.RLIM_INFINITY}
        if not limits:
            return None
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
        return max(0, min(limit - 1024 * int(status[of].split()[0]) for of, limit in limits.items()))
    except (OSError, ValueError, KeyError):
        return None
