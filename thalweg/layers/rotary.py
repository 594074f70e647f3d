"""Rotary positions: pairs of features are turned by angles that grow with the place, so that products tell distances alone.

Reference: Su et al. 2021, arXiv:2104.09864, eq. 34; pairs are feature i and i + d/2, as in GPT-NeoX.

Letters: T places, d features of a head.
"""

import torch
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal


class Rotary(nn.Module):
    """Turns queries and keys (..., T, d) by their places.

    Args:
        features: of a head; even.
        length: places that are known.
        base: the slowest pair turns about once in 2 pi base places.

    Raises:
        UsageRefusal: the features do not come in pairs.
    """

    def __init__(self, features: int, length: int, *, base: float) -> None:
        super().__init__()
        if features % 2:
            raise UsageRefusal(
                "LAYER_ODD_FEATURES",
                f"heads of {features} features cannot be turned in pairs",
                where="positions: rotary",
                why="each pair of features is turned by an angle of its own",
                fix="a width that leaves each head an even number of features, or learned positions",
            )
        speed = base ** (-torch.arange(0, features, 2, dtype=torch.float64) / features)
        angle = torch.arange(length, dtype=torch.float64)[:, None] * speed  # (T, d/2)
        self.register_buffer("cosine", angle.cos().repeat(1, 2).float(), persistent=False)  # (T, d)
        self.register_buffer("sine", torch.cat([-angle.sin(), angle.sin()], 1).float(), persistent=False)

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        """Rows x (..., T, d) whose places begin at `first`, turned."""
        places = slice(first, first + x.shape[-2])
        cosine, sine = (self.get_buffer(name)[places].to(x.dtype) for name in ("cosine", "sine"))
        return torch.addcmul(x * cosine, x.roll(x.shape[-1] // 2, -1), sine)
