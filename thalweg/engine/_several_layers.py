"""Chains of dense layers of several nets of one shape, forwards and backwards by hand: each product is one call for all.

Letters: M nets, B rows of a batch of each, I inputs, O outputs of a layer.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from thalweg.engine._dense_layers import Layer


class SeveralPass:
    """Forward and backward through the chains of all nets, for batches of so many rows of each.

    Args:
        layers: weights (M, O, I), biases (M, O) and their slopes.
        rows: B.
        same: (B, I) what all nets read, where each does not read rows of its own.

    Attributes:
        inputs: (M, B, I) what the nets read; filled in by whoever calls.
        slope: (M B, O) the slope of the loss by the last layer's sums; filled in between `forward` and `backward`.
    """

    def __init__(self, layers: Sequence[Layer], rows: int, *, same: Tensor | None = None) -> None:
        like = layers[0].weight
        count, last = len(like), len(layers) - 1
        own = like.new_empty(0 if same is not None else count, rows, like.shape[2])
        self.inputs = own if same is None else same.expand(count, *same.shape)
        sums = [like.new_empty(count, rows, layer.weight.shape[1]) for layer in layers]
        answers = [torch.empty_like(z) if layer.activation else z for layer, z in zip(layers, sums, strict=True)]
        slopes = [torch.empty_like(z) for z in sums]
        self.sums, self.slope = sums[last].flatten(0, 1), slopes[last].flatten(0, 1)
        read = [self.inputs, *answers[:last]]
        self.forwards = [
            (None if layer.bias is None else layer.bias.unsqueeze(1), layer.weight.mT, layer.activation, x, z, y)
            for layer, x, z, y in zip(layers, read, sums, answers, strict=True)
        ]
        below = [None, *zip(layers, slopes, sums, answers, strict=True)]
        self.backwards = [
            (layer, slope, slope.mT, x, under) for layer, slope, x, under in zip(layers, slopes, read, below[:-1], strict=True)
        ][::-1]

    def forward(self) -> Tensor:
        """The last layer's sums (M B, O)."""
        for bias, weight, activation, x, z, y in self.forwards:
            if bias is None:
                torch.bmm(x, weight, out=z)
            else:
                torch.baddbmm(bias, x, weight, out=z)
            if activation is not None:
                activation.forward(z, y)
        return self.sums

    def backward(self) -> None:
        """The slopes by all weights and biases, from that by the last layer's sums."""
        for layer, slope, transposed, x, under in self.backwards:
            torch.bmm(transposed, x, out=layer.weight_slope)
            if layer.bias_slope is not None:
                torch.sum(slope, 1, out=layer.bias_slope)
            if under is not None:
                lower, lower_slope, z, y = under
                torch.bmm(slope, layer.weight, out=lower_slope)
                if lower.activation is not None:
                    lower.activation.backward(lower_slope, z, y)
