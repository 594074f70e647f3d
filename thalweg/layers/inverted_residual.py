"""Inverted residual blocks, after Sandler et al. 2018: widen by a 1-wide convolution, filter each channel alone, narrow again.

Reference: Sandler, Howard, Zhu, Zhmoginov and Chen 2018, arXiv:1801.04381, table 1 and figure 4.

Letters: B batch, C channels, H W sides.
"""

from typing import NamedTuple

from torch import Tensor, nn

from thalweg.layers.build import build_activation, build_normalisation


class Form(NamedTuple):
    """What follows each convolution."""

    normalisation: str = "batch"
    activation: str = "relu6"


class InvertedResidual(nn.Module):
    """x + branch(x) where the shape stays, else branch(x); nothing follows the last, linear convolution but its norm.

    Args:
        inputs: channels of x.
        outputs: channels of the answer.
        expansion: how many times wider the branch is within; with 1 the widening convolution is left out.
        stride: of the convolution that filters.
    """

    def __init__(self, inputs: int, outputs: int, form: Form, *, expansion: int, stride: int = 1) -> None:
        super().__init__()
        within = inputs * expansion
        widened = [normalised_convolution(inputs, within, form)] if expansion > 1 else []
        self.branch = nn.Sequential(
            *widened,
            normalised_convolution(within, within, form, kernel=3, stride=stride, groups=within),
            nn.Conv2d(within, outputs, 1, bias=False),
            build_normalisation(form.normalisation, outputs, dims=2),
        )
        self.summed = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H / stride, W / stride)."""
        branch: Tensor = self.branch(x)
        return x + branch if self.summed else branch


def normalised_convolution(
    inputs: int, outputs: int, form: Form, *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution of (B, C, H, W) that keeps the sides but for its stride, normalisation, activation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        build_normalisation(form.normalisation, outputs, dims=2),
        build_activation(form.activation),
    )
