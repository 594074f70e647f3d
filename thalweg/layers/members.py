"""Dense layers of many members at once: one shared matrix, and for each member its own scaling of what goes in and comes out.

Letters: M members, B batch, C features.
"""

import math

import torch
from torch import Tensor, nn

from thalweg.layers.dropped import dropped


class SharedLinear(nn.Module):
    """y = ((x · r) W) · s + b, with W shared and r, s, b of each member's own.

    Args:
        apart: r starts as random signs, so that members see the input differently from the first step; else as ones.

    Reference: Wen, Tran & Ba 2020, arXiv:2002.06715, eq. 5; the start is that of Gorishniy et al. 2024, arXiv:2410.24210.
    """

    def __init__(self, inputs: int, outputs: int, *, members: int, apart: bool = False) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(inputs, outputs).uniform_(-bound, bound))
        signs = torch.randint(0, 2, (members, 1, inputs)).float() * 2.0 - 1.0
        self.into = nn.Parameter(signs if apart else torch.ones(members, 1, inputs))  # r (M, 1, C)
        self.out_of = nn.Parameter(torch.ones(members, 1, outputs))  # s (M, 1, C')
        self.bias = nn.Parameter(torch.empty(members, 1, outputs).uniform_(-bound, bound))  # b

    def forward(self, x: Tensor) -> Tensor:
        """(M, B, C), or (B, C) for all members alike, to (M, B, C')."""
        return torch.addcmul(self.bias, (x * self.into) @ self.weight, self.out_of)


class SeparateLinear(nn.Module):
    """y = x W + b, with W and b of each member's own."""

    def __init__(self, inputs: int, outputs: int, *, members: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(M, B, C) to (M, B, C')."""
        return torch.baddbmm(self.bias, x, self.weight)


class MembersDropout(nn.Module):
    """Dropout whose draw is shared by all members, who have weights of their own: drawing for each took a third of a step.

    Args:
        probability: share that is dropped in training, in [0, 1).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """(M, B, C) to (M, B, C)."""
        if not self.training or self.probability == 0:
            return x
        return x * dropped(torch.ones_like(x[0]), self.probability)
