"""Convolutions whose answers are pooled by maximum over 2 x 2 places and rectified, forwards and backwards by hand.

Rows lie innermost, so that every operation but the products walks through whole runs of them. What the four places of a
pooling window read lies within one patch, k + 1 pixels wide, at every second pixel: one product of patches with the kernel,
written down four times at its four places, gives the four answers side by side, and their maximum is one pass over each. The
maximum before the rectifier is the same function with the same slopes: of equal answers the first one is followed, as in torch.

Letters: B rows, C maps read, O maps written, H W sides, k side of the kernel, h w sides after pooling.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

aten = torch.ops.aten
PLACES = 4
"""Of a pooling window."""


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
    """Forward and backward through one of them for so many rows.

    Args:
        views: weight (O, C, k, k) and its slope, bias (O,) and its slope, or None and None.
        rows: B.
        first: nobody asks for the slope by what it reads.

    Attributes:
        inputs: (C, H, W, B) what it reads; filled in by whoever calls.
        answers: (O, h, w, B).
        slope: (O, h, w, B) of the loss by the answers; filled in between `forward` and `backward`, and spoilt by it.
        input_slope: (C, H, W, B), once `backward` is done; None for the first.
    """

    def __init__(
        self, pooled: Pooled, views: tuple[Tensor, Tensor, Tensor | None, Tensor | None], *, rows: int, first: bool
    ) -> None:
        self.weight, self.weight_slope, self.bias, self.bias_slope = views
        maps, read, side, _ = self.weight.shape
        self.shape, patch = (maps, read, *pooled.answers, side + 1), read * (side + 1) ** 2
        height, width = pooled.answers
        new, pad = self.weight.new_zeros, pooled.padding
        self.read = new(read, pooled.height + 2 * pad, pooled.width + 2 * pad, rows)
        self.inputs = self.read[:, pad : pad + pooled.height, pad : pad + pooled.width]
        self.patches = new(patch + 1, height * width * rows)  # and a row of ones, for the bias
        self.patches[-1] = 1.0
        self.taken = self._patches(self.read), self.patches[:-1].view(read, side + 1, side + 1, height, width, rows)
        self.kernel, self.kernel_slope = new(PLACES * maps, patch + 1), new(patch + 1, PLACES * maps)
        self.sums = new(PLACES, maps, height * width * rows)
        self.upper, self.answers = new(2, maps, height * width * rows), new(maps, height, width, rows)
        self.slope = new(maps, height, width, rows)
        self.backs = None if first else (new(patch, height * width * rows), torch.zeros_like(self.read))
        self.input_slope = None
        if self.backs is not None:
            self.input_slope = self.backs[1][:, pad : pad + pooled.height, pad : pad + pooled.width]
        self._prepare()

    def _prepare(self) -> None:
        """Put together once what each operation reads and writes, as views."""
        maps, _, height, width, side = self.shape
        self.written, self.weight_slopes = self._places(self.kernel), self._places(self.kernel_slope.t())
        self.biases, self.bias_slopes = self.kernel[:, -1].view(PLACES, -1), self.kernel_slope[-1].view(PLACES, -1)
        self.flat = self.sums.view(len(self.kernel), -1)  # (4 O, h w B)
        self.left, self.right = self.sums[::2], self.sums[1::2]  # (2, O, h w B), for each row of a window
        self.top, self.bottom = self.upper
        self.best, self.followed = self.answers.view(maps, -1), self.slope.view(maps, -1)
        self.added: list[tuple[Tensor, Tensor]] = []
        if self.backs is not None:
            patches, read = self.backs
            each = patches.view(self.shape[1], side, side, height, width, -1)
            for y in range(0, side, 2):  # patches that do not overlap
                for x in range(0, side, 2):
                    part = each[:, y : y + 2, x : x + 2]
                    self.added.append((self._strided(read[:, y:, x:], part.shape[1:3]), part))

    def _patches(self, read: Tensor) -> Tensor:
        """Each patch as a view: (C, k + 1, k + 1, h, w, B)."""
        return self._strided(read, self.shape[-1:] * 2)

    def _strided(self, read: Tensor, sides: Sequence[int]) -> Tensor:
        """Every second place, and so many pixels from each on."""
        _, maps, height, width, _ = self.shape
        c, y, x, b = read.stride()
        shape = (maps, *sides, height, width, read.shape[-1])
        return read.as_strided(shape, (c, y, x, 2 * y, 2 * x, b), read.storage_offset())

    def _places(self, kernel: Tensor) -> Tensor:
        """Where the weights stand in a kernel over patches (4 O, C (k + 1)^2 + 1), as a view: (2, 2, O, C, k, k)."""
        maps, read, _, _, side = self.shape
        row, one = kernel.stride()
        wide = side * one
        strides = (2 * maps * row + wide, maps * row + one, row, side * wide, wide, one)
        return kernel.as_strided((2, 2, maps, read, side - 1, side - 1), strides)

    def forward(self) -> Tensor:
        """The answers (O, h, w, B)."""
        patches, laid = self.taken
        laid.copy_(patches)
        self.written.copy_(self.weight)
        if self.bias is not None:
            self.biases.copy_(self.bias)
        torch.mm(self.kernel, self.patches, out=self.flat)
        torch.maximum(self.left, self.right, out=self.upper)
        torch.maximum(self.top, self.bottom, out=self.best)
        return torch.clamp_min(self.answers, 0.0, out=self.answers)

    def backward(self) -> None:
        """The slopes by weights and bias, and by what was read."""
        routed = aten.threshold_backward.grad_input
        routed(self.followed, self.best, 0.0, grad_input=self.followed)
        torch.sub(self.right, self.left, out=self.right)  # above 0 where the second place of a row is followed
        torch.sub(self.bottom, self.top, out=self.bottom)
        routed(self.followed, self.bottom, 0.0, grad_input=self.bottom)
        torch.sub(self.followed, self.bottom, out=self.top)
        routed(self.upper, self.right, 0.0, grad_input=self.right)
        torch.sub(self.upper, self.right, out=self.left)
        torch.mm(self.patches, self.flat.t(), out=self.kernel_slope)  # flat: the slope by what each place answered
        torch.sum(self.weight_slopes, (0, 1), out=self.weight_slope)
        if self.bias_slope is not None:
            torch.sum(self.bias_slopes, 0, out=self.bias_slope)
        if self.backs is not None:
            patches, read = self.backs
            torch.mm(self.kernel[:, :-1].t(), self.flat, out=patches)
            read.zero_()
            for target, part in self.added:
                target.add_(part)
