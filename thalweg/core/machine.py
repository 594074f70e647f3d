"""Machine: what it reaches at best, measured by one matrix product and one copy, and remembered.

No data sheet is asked: what counts is the precision, the threads and the libraries of this very run.
"""

import dataclasses
import hashlib
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from thalweg.core import files
from thalweg.core.device import products
from thalweg.core.errors import Refusal

DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "tf32": torch.float32,
}
SMALLEST, LARGEST = 64, 8192
"""Sides of the square matrices that are tried, doubling."""
ENOUGH_SECONDS = 0.01
"""A product that takes so long is large enough: larger ones are no faster."""
REPEATS = 4
"""Times that each is measured; the fastest counts, since nothing makes a machine faster than it is."""
RECORDS = ("VmRSS", "VmHWM")
"""What Linux calls the memory that a process takes, and the most that it ever took."""
COPIED_BYTES = 1 << 25
"""Bytes of the tensor that is copied: more than the caches near a core hold."""


@dataclass(frozen=True)
class Peak:
    """The fastest that a machine was seen to be.

    Attributes:
        flops: floating-point operations per second in products of matrices.
        bandwidth: bytes per second, read and written, in copying.
    """

    flops: float
    bandwidth: float


def peak(device: torch.device, precision: str, *, kept: Path | None, measure: bool = True, reached: float = 0.0) -> Peak | None:
    """The peak of a device with this process's threads: as remembered, else measured in under 0.3 seconds.

    Args:
        kept: the folder in which it is remembered; None: nowhere.
        measure: do so where nothing is remembered; else there is none then.
        reached: operations per second that were seen; a peak below them was measured while others worked, and is forgotten.
    """
    path = kept / f"{_key(device, precision)}.json" if kept is not None else None
    known = _read(path) if path is not None else None
    if (known is not None and known.flops >= reached) or not measure:
        return known
    try:
        with products(device, precision):
            found = measured_peak(device, DTYPES[precision])
    except (MemoryError, RuntimeError):  # no room for two matrices: nothing hangs on it
        return known
    if path is not None:
        _keep(path, found)
    return found


def measured_peak(device: torch.device, dtype: torch.dtype) -> Peak:
    """Measure products of ever larger matrices until one takes long enough, and a copy."""
    return Peak(_flops(device, dtype), _bandwidth(device))


def settled(device: torch.device) -> Callable[[], object]:
    """What to call before a clock is read, so that all that was begun on a device is done."""
    return (lambda: torch.cuda.synchronize(device)) if device.type == "cuda" else (lambda: None)


class Memory:
    """How much memory work takes beyond what was taken when it began: of the process, or on a GPU of its tensors."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self.begun, self.highest = _resident()

    def grown(self) -> int | None:
        """Bytes at most; None where the system does not say.

        Where the process took more before the work began, what it takes now stands for the most.
        """
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        now, highest = _resident()
        if now is None or highest is None or self.begun is None or self.highest is None:
            return None
        return max(0, (highest if highest > self.highest else now) - self.begun)


def _resident() -> tuple[int | None, int | None]:
    """Bytes of this process in memory, and the most that there ever were (Linux); None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None, None
    told = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if name in RECORDS}
    return told.get(RECORDS[0]), told.get(RECORDS[1])


def _flops(device: torch.device, dtype: torch.dtype) -> float:
    best, side = 0.0, SMALLEST
    drawn = torch.Generator(device)  # numbers as nets hold them: a GPU is faster, and its clock higher, on equal ones
    while side <= LARGEST:
        left, right = (torch.rand(side, side, device=device, generator=drawn).to(dtype) for _ in range(2))
        out = torch.empty_like(left)
        seconds = _fastest(lambda a=left, b=right, o=out: torch.mm(a, b, out=o), device)  # type: ignore[misc]
        best = max(best, 2 * side**3 / seconds)
        if seconds >= ENOUGH_SECONDS:
            break
        side *= 2
    return best


def _bandwidth(device: torch.device) -> float:
    source = torch.ones(COPIED_BYTES, device=device, dtype=torch.uint8)
    target = torch.zeros_like(source)
    return 2 * COPIED_BYTES / _fastest(lambda: target.copy_(source), device)


def _fastest(act: Callable[[], Tensor], device: torch.device) -> float:
    """Seconds of the fastest of a few runs; fewer where one takes long."""
    settle, best = settled(device), float("inf")
    for _ in range(REPEATS):
        settle()
        begun = time.perf_counter()
        act()
        settle()
        best = min(best, time.perf_counter() - begun)
        if best >= ENOUGH_SECONDS:
            break
    return best


def processor(device: torch.device) -> str:
    """The model of a device, with what torch uses of it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_cpu()} {torch.backends.cpu.get_cpu_capability()}"


def _cpu() -> str:
    """The model's name as the system tells it (Linux), else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _key(device: torch.device, precision: str) -> str:
    facts = (processor(device), os.cpu_count(), torch.get_num_threads(), torch.__version__, device.type, precision)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:20]


def _read(path: Path) -> Peak | None:
    """What is remembered; None where nothing is, or nothing that can be read."""
    try:
        told = files.read_json(path, where=path.name)
        found = Peak(float(told["flops"]), float(told["bandwidth"]))
    except (Refusal, OSError, KeyError, TypeError, ValueError):
        return None
    return found if found.flops > 0 and found.bandwidth > 0 else None


def _keep(path: Path, found: Peak) -> None:
    """Remember a peak; where that cannot be done it is measured again next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(path, dataclasses.asdict(found))
    except (Refusal, OSError):
        return
