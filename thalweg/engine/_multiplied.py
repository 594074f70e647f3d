"""Products of two matrices on a CPU, by the one of torch's libraries whose kernels are for that processor.

In float32 torch multiplies by MKL, which takes its kernels for AVX2 where the processor is not Intel's. Those of oneDNN for
AVX-512 take less than half the time there (LOG.md); torch calls them for shorter types alone.
"""

import functools
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

LEAST = 1 << 21
"""Multiplications of a product from which oneDNN, which takes 15 microseconds to be asked, is the faster (LOG.md)."""
_PROCESSOR = Path("/proc/cpuinfo")


class Multiply(Protocol):
    """A product (N, O) of x (N, I) and y (I, O), whatever their strides; written into `out` where that is given."""

    def __call__(self, x: Tensor, y: Tensor, /, *, out: Tensor | None = None) -> Tensor: ...


def multiplication(like: Tensor) -> Multiply:
    """What multiplies matrices of a tensor's type and device the fastest; on one machine always the same."""
    return by_either if like.dtype == torch.float32 and like.device.type == "cpu" and _onednn_has_more() else torch.mm


def by_either(x: Tensor, y: Tensor, /, *, out: Tensor | None = None) -> Tensor:
    """A product by oneDNN where it is large, by MKL elsewhere."""
    large = len(x) * y.numel() >= LEAST
    return by_onednn(x, y, out=out) if large else torch.mm(x, y, out=out)


def by_onednn(x: Tensor, y: Tensor, /, *, bias: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """A product by oneDNN: its dense layer, which has weights (O, I) and may add a bias (O,)."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, y.t(), bias, "none", [], "")
    return product if out is None else out.copy_(product)


@functools.cache
def _onednn_has_more() -> bool:
    """Whether oneDNN knows instructions of this processor that MKL passes over."""
    if not torch.backends.mkldnn.is_available() or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    return _PROCESSOR.exists() and "GenuineIntel" not in _PROCESSOR.read_text()
