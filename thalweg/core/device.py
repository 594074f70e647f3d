"""Device and precision: what this machine has, and what a run may use of it."""

import functools
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal

Precision = Literal["float32", "float64", "bfloat16", "float16"]
MemoryFormat = Literal["auto", "plain", "channels-last"]


def devices() -> list[str]:
    """The devices that can be named here, the best first."""
    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is the best one here.

    Raises:
        UsageRefusal: no such device on this machine; those present are named.
    """
    present = devices()
    if name == "auto":
        return torch.device(present[0])
    if name in present or (name == "cuda" and present[0].startswith("cuda")):
        return torch.device(name)
    raise UsageRefusal(
        "DEVICE_ABSENT",
        f'there is no device "{name}" here',
        where="--device",
        why="training would stop at the first tensor",
        fix=f"--device {' or '.join(present)}",
        details={"devices": present},
    )


def weights_dtype(precision: str) -> torch.dtype:
    """The type in which weights are held: float64 where asked for, float32 under mixed precision."""
    return torch.float64 if precision == "float64" else torch.float32


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which forward passes run: mixed precision for bfloat16 and float16, plain otherwise."""
    mixed = precision in ("bfloat16", "float16")
    dtype = torch.float16 if precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=mixed)


@contextmanager
def products(device: torch.device, precision: str) -> Iterator[None]:
    """Within, a GPU multiplies float32 matrices in TF32 where that is the precision: ten bits behind the point.

    Convolutions do so by torch's default whatever is asked. Nothing changes elsewhere; afterwards all is as it was.
    """
    if device.type != "cuda" or precision != "tf32":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def has_tf32(device: torch.device) -> bool:
    """Whether a device multiplies in TF32: NVIDIA's from 2020 on."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8


IMITATED = 1.5
"""Times as long as in float32 from which a precision is taken to have no instructions of its own."""


@functools.cache
def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16 by instructions of its own, by trying.

    Emulated, a product of two matrices of 2,048 columns takes 500 times as long as in float32 (torch 2.13.0, AVX2); by
    instructions a quarter, but of matrices as small as 64 columns twice as long (an AMD EPYC with AVX-512).
    """
    return device.type in ("cpu", "cuda") and times_as_long(device, "bfloat16") < IMITATED


@functools.cache
def times_as_long(device: torch.device, precision: Literal["bfloat16", "float16"]) -> float:
    """How many times as long products take as in float32: less than one by instructions, dozens of times where imitated."""
    return _product_seconds(device, getattr(torch, precision)) / _product_seconds(device, torch.float32)


def _product_seconds(device: torch.device, dtype: torch.dtype) -> float:
    """The shortest of a few products of matrices that are large enough to be bound by them."""
    one, times = torch.ones(256, 256, device=device, dtype=dtype), list[float]()
    for _ in range(4):
        begun = time.perf_counter()
        float((one @ one).sum())  # waits for the device
        times.append(time.perf_counter() - begun)
    return min(times)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def most_threads() -> int:
    """Threads that a computation may use: as many as there are cores, or as the environment says."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(usable_cores(), int(asked)) if asked.isdecimal() and int(asked) else usable_cores()


@contextmanager
def one_thread() -> Iterator[None]:
    """Operations within are not shared among threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def laid_out(model: nn.Module, asked: MemoryFormat = "auto") -> nn.Module:
    """The model itself, the weights of its two-dimensional convolutions in a memory format; values stay what they are.

    Torch's convolutions answer in the format of their weights, so that nothing else needs to change. `auto` is channels last on
    a CPU, where all that was measured gained (two threads of an AMD EPYC, milliseconds of forward and backward, plain ->
    channels last: LeNet-5 12.2 -> 11.1, a residual net of 308 k weights 299 -> 252, four convolutions on 8 x 8 pixels 11.4 ->
    8.5), and plain elsewhere. A model that holds a convolution which torch cannot run so stays plain whatever is asked.
    """
    safe = not any(isinstance(module, nn.Conv2d) and spoils_memory(module) for module in model.modules())
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            wanted = asked == "channels-last" or (asked == "auto" and module.weight.device.type == "cpu")
            last = wanted and safe
            module.weight.data = _in_order(module.weight.data, torch.channels_last if last else torch.contiguous_format)
    return model


def _in_order(weight: Tensor, order: torch.memory_format) -> Tensor:
    """The weight (outputs, inputs, height, width) with the strides of that format.

    With one input channel both formats lie alike in memory, and torch answers in the plain one unless the strides say
    otherwise; every layer after it would then be copied from one format into the other.
    """
    laid = weight.contiguous(memory_format=order)
    height, width = laid.shape[2:]
    if laid.shape[1] > 1:
        return laid
    pixels = height * width
    return laid.as_strided(laid.shape, (pixels, 1, width, 1) if order is torch.channels_last else (pixels, pixels, width, 1))


def spoils_memory(convolution: nn.Conv2d) -> bool:
    """Whether its gradient writes outside its memory when channels lie last on a CPU.

    So do convolutions one pixel wide that skip pixels, with fewer than eight channels (torch 2.13.0, AVX2: the C library stops
    the process with "free(): invalid next size" for 1 to 6 channels and strides of 2 and 3, and for none of 9 to 32).
    """
    skips = any(step > 1 for step in convolution.stride)
    return convolution.kernel_size == (1, 1) and skips and convolution.in_channels // convolution.groups < 8
