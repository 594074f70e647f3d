"""Convolutions whose answers are pooled by maximum over 2 x 2 places and rectified, forwards and backwards by hand.

Rows lie innermost, so that every operation but the products walks through whole runs of them. What the four places of a
pooling window read lies within one patch, k + 1 pixels wide, at every second pixel: one product of patches with the kernel,
written down four times at its four places, gives the four answers side by side, and their maximum is one pass over each. The
maximum before the rectifier is the same function with the same slopes: of equal answers the first one is followed, as in torch.

Pictures are cut into cells of 2 x 2 pixels, and each of the four lies in a plane of its own: pixels of one place in patches
side by side lie side by side. A patch is S = k // 2 + 1 cells wide, which is k + 1 pixels or one more.

Answers are compared as whole numbers: what is above 0 is ordered as its bits are, and of all else none is followed. Numbers in
bfloat16 would be turned into float32 and back in every pass.

Letters: B rows, C maps read, O maps written, H W sides, k side of the kernel, S of a patch in cells, h w sides after pooling.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from thalweg.engine._multiplied import multiplication

PLACES = 4
"""Of a pooling window."""
BITS: Mapping[torch.dtype, torch.dtype] = {
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}
"""Whole numbers of the same width."""


@dataclass(frozen=True)
class Pooled:
    """A convolution and the pooling that follows it.

    Attributes:
        height: of the pictures it reads, without padding.
        width: likewise.
    """

    convolution: nn.Conv2d
    height: int
    width: int

    @property
    def side(self) -> int:
        """Of the kernel."""
        return int(self.convolution.kernel_size[0])

    @property
    def padding(self) -> int:
        """Pixels added on each side."""
        return int(self.convolution.padding[0])

    @property
    def answers(self) -> tuple[int, int]:
        """Sides h and w after pooling."""
        height, width = (one + 2 * self.padding - self.side + 1 for one in (self.height, self.width))
        return height // 2, width // 2


def pooled_of(modules: Sequence[nn.Module], height: int, width: int) -> tuple[list[Pooled], int]:
    """The pooled convolutions that modules begin with, and how many modules those are.

    Each is a square convolution without stride, a rectifier and a maximum over 2 x 2, or the maximum first.

    Args:
        height: of the pictures that the first reads; `width` likewise.
    """
    found: list[Pooled] = []
    for first in range(0, len(modules) - 2, 3):
        convolution, *after = modules[first : first + 3]
        pools = {type(one) for one in after} == {nn.ReLU, nn.MaxPool2d} and any(map(_halves, after))
        if type(convolution) is not nn.Conv2d or not _plain(convolution) or not pools:
            break
        found.append(Pooled(convolution, height, width))
        height, width = found[-1].answers
        if min(height, width) < 1:
            return [], 0
    return found, 3 * len(found)


def _plain(convolution: nn.Conv2d) -> bool:
    given = (convolution.stride, convolution.dilation, convolution.groups, convolution.padding_mode)
    square = len(set(convolution.kernel_size)) == 1 and not isinstance(convolution.padding, str)
    return square and len(set(convolution.padding)) == 1 and given == ((1, 1), (1, 1), 1, "zeros")


def _halves(module: nn.Module) -> bool:
    pairs = [(2, 2), 2]
    if not isinstance(module, nn.MaxPool2d) or module.kernel_size not in pairs or module.stride not in pairs:
        return False
    return module.padding in (0, (0, 0)) and module.dilation in (1, (1, 1)) and not (module.ceil_mode or module.return_indices)


class PooledPass:
    """Forward and backward through one of them, in the type of its weight; slopes are added up in the type of weights' slopes.

    Args:
        views: weight (O, C, k, k) and its slope, bias (O,) and its slope, or None and None.
        read: (C, H, W, B) what it reads; filled in by whoever calls.
        below: (C, H, W, B) where the slope of the loss by that is written; None: nobody asks for it.

    Attributes:
        answers: (O, h, w, B).
        slope: (O, h, w, B) of the loss by the answers; filled in between `forward` and `backward`, which spoils both.
    """

    def __init__(
        self,
        pooled: Pooled,
        views: tuple[Tensor, Tensor, Tensor | None, Tensor | None],
        read: Tensor,
        below: Tensor | None,
    ) -> None:
        self.weight, self.weight_slope, self.bias, self.bias_slope = views
        (maps, channels, side, _), (height, width), rows = self.weight.shape, pooled.answers, read.shape[-1]
        span, pads, windows = side // 2 + 1, pooled.padding, height * width * rows
        self.shape, patch = (maps, channels, span, height, width), channels * (2 * span) ** 2
        reach = [max(h + span - 1, (one + pads + 1) // 2) for h, one in zip(pooled.answers, read.shape[1:3], strict=True)]
        self.cells = self.weight.new_zeros(channels, 2, 2, *reach, rows)
        new = self.cells.new_empty
        self.patches = self.cells.new_ones(patch + 1, windows)  # the last row stays: of ones, for the bias
        self.kernel, self.kernel_slope = self.cells.new_zeros(PLACES * maps, patch + 1), new(patch + 1, PLACES * maps)
        self.sums, self.upper = new(PLACES, maps, windows), new(2, maps, windows)
        self.answers, self.slope = new(2, maps, height, width, rows)
        self.slopes = self.weight_slope.new_empty(2, 2, *self.weight.shape)
        self.filled = _matched(self.cells, read, pads)
        self.back = None if below is None else torch.zeros_like(self.cells, dtype=self.slopes.dtype)
        self.given = [] if self.back is None or below is None else _matched(self.back, below, pads)
        self.multiply = multiplication(self.cells)
        self._prepare()

    def _prepare(self) -> None:
        """Put together once what each operation reads and writes, as views."""
        maps, _, span, height, width = self.shape
        windows = self.cells[:, :, :, : height + span - 1, : width + span - 1].unfold(3, height, 1).unfold(4, width, 1)
        self.taken = windows.permute(0, 3, 1, 4, 2, 6, 7, 5)  # of (C, 2, 2, S, S, B, h, w)
        self.laid = self.patches[:-1].view(self.taken.shape)  # (C, S, 2, S, 2, h, w, B)
        self.written, self.weight_slopes = self._places(self.kernel), self._places(self.kernel_slope.t())
        self.biases, self.bias_slopes = self.kernel[:, -1].view(PLACES, -1), self.kernel_slope[-1].view(PLACES, -1)
        self.flat = self.sums.view(len(self.kernel), -1)  # (4 O, h w B)
        places, self.rows, answers, slope = (_bits(one) for one in (self.sums, self.upper, self.answers, self.slope))
        self.left, self.right, (self.top, self.bottom) = places[::2], places[1::2], self.rows  # rows: of a window
        self.best, self.followed = answers.view(maps, -1), slope.view(maps, -1)
        if self.back is not None:
            self._prepare_below(self.back)

    def _prepare_below(self, back: Tensor) -> None:
        """Where slopes by patches lie, in the type in which they are added up, and where they belong."""
        _, _, span, height, width = self.shape
        self.patch_slopes, self.turned = self.patches[:-1], self.kernel[:, :-1].t()  # patches are read no more by then
        self.wide = self.laid if back.dtype == self.laid.dtype else torch.empty_like(self.laid, dtype=back.dtype)
        self.added = [
            (back[:, :, :, y : y + height, x : x + width], self.wide[:, y, :, x])
            for y in range(span)  # patches overlap by whole cells: those of one place do not
            for x in range(span)
        ]

    def _places(self, kernel: Tensor) -> Tensor:
        """Where the weights stand in a kernel over patches (4 O, 4 C S^2 + 1), as a view: (2, 2, O, C, k, k)."""
        maps, channels, span = self.shape[:3]
        side, (row, one) = self.weight.shape[-1], kernel.stride()
        line = 2 * span * one
        strides = (2 * maps * row + line, maps * row + one, row, 2 * span * line, line, one)
        return kernel.as_strided((2, 2, maps, channels, side, side), strides)

    def forward(self) -> Tensor:
        """The answers (O, h, w, B)."""
        for plane, pixels in self.filled:
            plane.copy_(pixels)
        self.laid.copy_(self.taken)
        self.written.copy_(self.weight)
        if self.bias is not None:
            self.biases.copy_(self.bias)
        self.multiply(self.kernel, self.patches, out=self.flat)
        torch.maximum(self.left, self.right, out=self.rows)
        torch.maximum(self.top, self.bottom, out=self.best)
        torch.clamp_min(self.best, 0, out=self.best)
        return self.answers

    def backward(self) -> None:
        """The slopes by weights and bias, and by what was read."""
        torch.clamp_max(self.best, 1, out=self.best)  # 1 where any of four is followed
        torch.mul(self.followed, self.best, out=self.followed)
        _part(self.followed, self.top, self.bottom)
        _part(self.rows, self.left, self.right)  # now `flat` is the slope by what each place answered
        self.multiply(self.patches, self.flat.t(), out=self.kernel_slope)
        self.slopes.copy_(self.weight_slopes)
        torch.sum(self.slopes, (0, 1), out=self.weight_slope)
        if self.bias_slope is not None:
            torch.sum(self.bias_slopes, 0, dtype=self.bias_slope.dtype, out=self.bias_slope)
        if self.back is not None:
            self._backward_below(self.back)

    def _backward_below(self, back: Tensor) -> None:
        """The slope by what was read."""
        self.multiply(self.turned, self.flat, out=self.patch_slopes)
        if self.wide is not self.laid:
            self.wide.copy_(self.laid)
        back.zero_()
        for cells, part in self.added:
            cells.add_(part)
        for plane, pixels in self.given:
            pixels.copy_(plane)


def _bits(numbers: Tensor) -> Tensor:
    """The same memory as whole numbers."""
    return numbers.view(BITS[numbers.dtype])


def _part(followed: Tensor, first: Tensor, second: Tensor) -> None:
    """Turn answers into the slopes by them: what followed is the larger one's, of equal ones the first one's. All are bits."""
    torch.gt(second, first, out=second)
    torch.mul(followed, second, out=second)
    torch.sub(followed, second, out=first)


def _matched(cells: Tensor, pictures: Tensor, padding: int) -> list[tuple[Tensor, Tensor]]:
    """For each of the four pixels of a cell: where it lies in all cells, and in all pictures, but for the padding.

    Args:
        cells: (C, 2, 2, cells high, cells wide, B).
        pictures: (C, H, W, B).
    """
    found = []
    for p in (0, 1):
        for q in (0, 1):
            y, x = (p + padding) % 2, (q + padding) % 2  # the first such pixel of a picture
            pixels = pictures[:, y::2, x::2]
            plane = cells[:, p, q, (y + padding) // 2 :, (x + padding) // 2 :]
            found.append((plane[:, : pixels.shape[1], : pixels.shape[2]], pixels))
    return found
