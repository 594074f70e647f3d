"""Convolutions over padded rows: padding does not reach the real positions, and the mask follows the convolution.

Letters: B batch, C channels, S the axes that are convolved.
"""

import torch
from torch import Tensor, nn

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
CONVOLUTIONS: dict[int, type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
"""The convolution for each number of axes."""


def masked_convolution(convolution: Convolution, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The convolution of the real positions alone, and which of its answers are real.

    Args:
        x: (B, C, *S).
        mask: bool (B, *S), True for real positions, which come first along each axis; None when all are real.

    Returns:
        (B, C', *S') with zeros at padding, and the mask (B, *S').
    """
    if mask is None:
        return convolution(x), None
    answered = convolved_mask(convolution, mask)
    return without_padding(convolution(without_padding(x, mask)), answered), answered


def without_padding(x: Tensor, mask: Tensor | None) -> Tensor:
    """Puts zeros into x (B, C, *S) where the mask (B, *S) is False; gives x itself without a mask."""
    return x if mask is None else x.masked_fill(~mask.unsqueeze(1), 0.0)


def convolved_mask(convolution: Convolution, mask: Tensor) -> Tensor:
    """Which answers a row would have had if it had come alone, without its padding.

    Answer o of an axis exists when the row reaches input o * stride + dilation * (kernel - 1) - 2 * padding.

    Args:
        mask: bool (B, *S), real positions first along each axis.

    Returns:
        bool (B, *S').
    """
    for axis, (kernel, stride, dilation) in enumerate(
        zip(convolution.kernel_size, convolution.stride, convolution.dilation, strict=True)
    ):
        reach = dilation * (kernel - 1) - _total_padding(convolution, axis)
        length = mask.shape[axis + 1]
        last = torch.arange((length - reach - 1) // stride + 1, device=mask.device) * stride + reach
        mask = mask.index_select(axis + 1, last.clamp(0, length - 1))
    return mask


def _total_padding(convolution: Convolution, axis: int) -> int:
    padding = convolution.padding
    if padding == "same":
        return convolution.dilation[axis] * (convolution.kernel_size[axis] - 1)
    return 0 if isinstance(padding, str) else 2 * padding[axis]
