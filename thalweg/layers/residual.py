"""Residual blocks, after He et al. 2016, for one to three axes and for padded rows.

`ResidualBlock` is the first form (arXiv:1512.03385, figure 2: the activation follows the sum), `BottleneckBlock` that between
two 1-wide convolutions; `PreactivatedBlock` the second form (arXiv:1603.05027, figure 4e: normalisation and activation come
before each convolution, and the sum is left alone).

Letters: B batch, C channels, S the axes that are convolved.
"""

from typing import Literal

from torch import Tensor, nn

from thalweg.layers.build import build_activation, build_normalisation
from thalweg.layers.initialisations import zero_last
from thalweg.layers.masked_convolution import CONVOLUTIONS, Convolution, masked_convolution, without_padding


class ResidualBlock(nn.Module):
    """activation(shortcut(x) + branch(x)), branch: convolution, norm, activation, convolution, norm.

    Where the shape changes, the shortcut is a 1-wide convolution with its norm (option B of the paper), or every stride-th
    value with channels of zeros added (option A).

    Args:
        inputs: channels of x.
        outputs: channels of the answer.
        dims: axes after the channels, 1 to 3.
        stride: of the first convolution and of the shortcut.
        shortcut: `none` leaves the sum out: the plain net that residual ones are compared with.
        drop: applied to the branch before the sum, such as stochastic depth.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        dims: int = 2,
        stride: int = 1,
        normalisation: str = "batch",
        activation: str = "relu",
        shortcut: Literal["convolution", "padding", "none"] = "convolution",
        drop: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, dims=dims, kernel=3, stride=stride)
        self.first_norm = build_normalisation(normalisation, outputs, dims=dims)
        self.second = _convolution(outputs, outputs, dims=dims, kernel=3)
        self.second_norm = build_normalisation(normalisation, outputs, dims=dims)
        changes = shortcut == "convolution" and (inputs != outputs or stride != 1)
        self.shortcut = _convolution(inputs, outputs, dims=dims, kernel=1) if changes else None
        self.stride = stride
        self.added = outputs - inputs if shortcut == "padding" else 0
        self.summed = shortcut != "none"
        self.shortcut_norm = build_normalisation(normalisation if changes else "none", outputs, dims=dims)
        self.activation = build_activation(activation)
        self.drop = drop or nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, C, *S) and its mask (B, *S) to (B, C', *S') and its mask."""
        branch, answered = masked_convolution(self.first, x, mask)
        branch = self.activation(self.first_norm(branch, answered))
        branch = self.second_norm(masked_convolution(self.second, branch, answered)[0], answered)
        branch = self.drop(branch)
        if self.summed:
            thin = thinned(x, self.stride)
            passed = padded(thin, self.added) if self.shortcut is None else self.shortcut(thin)
            branch = self.shortcut_norm(passed, answered) + branch
        answer = self.activation(branch)
        return without_padding(answer, answered), answered

    def begin_as_shortcut(self) -> None:
        """Leaves the shortcut alone at the start: the last scale of the branch is zero (Goyal et al. 2017, arXiv:1706.02677).

        Where the normalisation has no scale, the last convolution is zero instead.
        """
        _begin_at_zero(self.second_norm, self.second)


class BottleneckBlock(nn.Module):
    """activation(shortcut(x) + branch(x)), branch: 1-wide convolution to fewer channels, 3-wide, 1-wide to four times as many.

    The stride lies in the 3-wide convolution, as in most published weights; in the paper it lies in the first one.

    Args:
        inputs: channels of x.
        within: channels of the 3-wide convolution; the answer has four times as many.
        stride: of the 3-wide convolution and of the shortcut.
        drop: applied to the branch before the sum, such as stochastic depth.

    Reference: He et al. 2016, arXiv:1512.03385, figure 5; Goyal et al. 2017, arXiv:1706.02677, section 5.1 (the stride).
    """

    WIDER = 4

    def __init__(
        self,
        inputs: int,
        within: int,
        *,
        stride: int = 1,
        normalisation: str = "batch",
        activation: str = "relu",
        drop: nn.Module | None = None,
    ) -> None:
        super().__init__()
        outputs = within * self.WIDER
        self.first = _convolution(inputs, within, dims=2, kernel=1)
        self.first_norm = build_normalisation(normalisation, within, dims=2)
        self.second = _convolution(within, within, dims=2, kernel=3, stride=stride)
        self.second_norm = build_normalisation(normalisation, within, dims=2)
        self.third = _convolution(within, outputs, dims=2, kernel=1)
        self.third_norm = build_normalisation(normalisation, outputs, dims=2)
        changes = inputs != outputs or stride != 1
        self.stride = stride
        self.shortcut = _convolution(inputs, outputs, dims=2, kernel=1) if changes else nn.Identity()
        self.shortcut_norm = build_normalisation(normalisation if changes else "none", outputs, dims=2)
        self.activation = build_activation(activation)
        self.drop = drop or nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, C, H, W) to (B, 4 C', H', W'); pictures are not padded, so the mask is handed on."""
        branch = self.activation(self.first_norm(self.first(x)))
        branch = self.activation(self.second_norm(self.second(branch)))
        branch = self.drop(self.third_norm(self.third(branch)))
        passed = self.shortcut_norm(self.shortcut(thinned(x, self.stride)))
        answer: Tensor = self.activation(passed + branch)
        return answer, mask

    def begin_as_shortcut(self) -> None:
        """Leaves the shortcut alone at the start: the last scale of the branch, or its last convolution, is zero."""
        _begin_at_zero(self.third_norm, self.third)


class PreactivatedBlock(nn.Module):
    """shortcut(x) + branch(x), branch: norm, activation, convolution, norm, activation, convolution.

    Where the shape changes the shortcut is a 1-wide convolution of the normalised, activated x. A net of such blocks needs a
    normalisation and an activation after the last one.

    Args:
        inputs: channels of x.
        outputs: channels of the answer.
        dims: axes after the channels, 1 to 3.
        stride: of the first convolution and of the shortcut.
        drop: applied to the branch before the sum, such as stochastic depth.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        dims: int = 2,
        stride: int = 1,
        normalisation: str = "batch",
        activation: str = "relu",
        drop: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.first_norm = build_normalisation(normalisation, inputs, dims=dims)
        self.first = _convolution(inputs, outputs, dims=dims, kernel=3, stride=stride)
        self.second_norm = build_normalisation(normalisation, outputs, dims=dims)
        self.second = _convolution(outputs, outputs, dims=dims, kernel=3)
        changes = inputs != outputs or stride != 1
        self.stride = stride
        self.shortcut = _convolution(inputs, outputs, dims=dims, kernel=1) if changes else None
        self.activation = build_activation(activation)
        self.drop = drop or nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, C, *S) and its mask (B, *S) to (B, C', *S') and its mask."""
        ready = self.activation(self.first_norm(x, mask))
        passed = x if self.shortcut is None else self.shortcut(thinned(ready, self.stride))
        branch, answered = masked_convolution(self.first, ready, mask)
        branch = self.activation(self.second_norm(branch, answered))
        branch = masked_convolution(self.second, branch, answered)[0]
        return without_padding(passed + self.drop(branch), answered), answered

    def begin_as_shortcut(self) -> None:
        """Leaves the shortcut alone at the start: the last convolution of the branch is zero."""
        zero_last(self.second)


def _begin_at_zero(norm: nn.Module, convolution: nn.Module) -> None:
    """Sets the scale of a norm to zero; where it has none, the convolution before it."""
    scale = getattr(norm, "weight", None)
    if isinstance(scale, nn.Parameter):
        nn.init.zeros_(scale)
    else:
        zero_last(convolution)


def thinned(x: Tensor, stride: int) -> Tensor:
    """Every stride-th value of x (B, C, *S) along each axis.

    A 1-wide convolution of it is that of x with the stride, at less cost on a CPU (backward of 64 maps of 7 x 7 from 32 of
    14 x 14: half the time).
    """
    return x if stride == 1 else x[(slice(None), slice(None), *[slice(None, None, stride)] * (x.dim() - 2))]


def padded(x: Tensor, channels: int) -> Tensor:
    """Adds channels of zeros after those of x (B, C, *S)."""
    return nn.functional.pad(x, (0, 0) * (x.dim() - 2) + (0, channels)) if channels else x


def _convolution(inputs: int, outputs: int, *, dims: int, kernel: int, stride: int = 1) -> Convolution:
    return CONVOLUTIONS[dims](inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
