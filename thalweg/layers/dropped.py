"""Dropping numbers at random: the draw itself, which every dropout of numbers shares.

Reference: Srivastava et al. 2014, JMLR 15:1929-1958.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from thalweg.core.drawing import own


def dropped(x: Tensor, probability: float) -> Tensor:
    """Each number dropped by itself, those that stay divided by the probability of staying.

    Drawn from torch's own generator; in a lane from the lane's, so that what lanes draw does not depend on which is first.
    """
    generator = own.generator
    if generator is None or not probability:
        return functional.dropout(x, probability)
    stays = 1.0 - probability
    return x * torch.empty_like(x).bernoulli_(stays, generator=generator).div_(stays)


class Dropout(nn.Dropout):
    """Torch's dropout, whose draws are a lane's own where it is called in one."""

    def forward(self, x: Tensor) -> Tensor:
        """Of any shape, to that shape; the identity in evaluation."""
        return dropped(x, self.p) if self.training and self.p else x
