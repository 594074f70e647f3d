"""Scalars as vectors that a net can read: sinusoids of fixed periods, and random Fourier features.

For conditions such as a diffusion time, a place in a row, a coordinate of a physical problem.

Letters: B batch, C coordinates, D width.
"""

import math

import torch
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal


class SinusoidalFeatures(nn.Module):
    """Sines and cosines of a scalar, with angular frequencies in a geometric row from 1 down to 1 / longest.

    Args:
        width: D, even; the first half are sines, the second cosines.
        longest: ratio of the slowest to the fastest period.

    Raises:
        UsageRefusal: odd width, or less than 4.

    Reference: Vaswani et al. 2017, arXiv:1706.03762, section 3.5, with frequencies that reach 1 / longest exactly.
    """

    frequencies: Tensor

    def __init__(self, width: int, *, longest: float = 10_000.0) -> None:
        super().__init__()
        half = _half(width)
        self.register_buffer("frequencies", longest ** -(torch.arange(half) / (half - 1)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(...) to (..., D), in [-1, 1]."""
        angles = x.unsqueeze(-1) * self.frequencies.to(x.dtype)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class FourierFeatures(nn.Module):
    """Sines and cosines of random projections, fixed for good: they let a net fit detail of a chosen fineness.

    Args:
        coordinates: C.
        width: D, even.
        generator: draws the projections, B ~ N(0, scale^2).
        scale: deviation of the frequencies, in periods per unit of x; larger fits finer detail.

    Raises:
        UsageRefusal: odd width, or less than 4.

    Reference: Tancik et al. 2020, arXiv:2006.10739, eq. 5.
    """

    projections: Tensor

    def __init__(self, coordinates: int, width: int, *, generator: torch.Generator, scale: float = 1.0) -> None:
        super().__init__()
        drawn = torch.randn(coordinates, _half(width), generator=generator, device=generator.device)
        self.register_buffer("projections", scale * drawn)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) to (..., D), in [-1, 1]."""
        angles = 2.0 * math.pi * x @ self.projections.to(x.dtype)
        return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _half(width: int) -> int:
    if width < 4 or width % 2:
        raise UsageRefusal(
            "LAYER_WIDTH_ODD",
            f"sines and cosines need an even width of 4 or more, got {width}",
            where="width of the features of a number",
            why="half of them are sines and half cosines, of frequencies from low to high",
            fix=f"width {max(4, width + width % 2)}",
        )
    return width // 2
