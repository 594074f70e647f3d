"""Attention: each place looks at others, by how well its query matches their keys, and takes up their values.

Reference: Vaswani et al. 2017, arXiv:1706.03762, eq. 1 and section 3.2.2. Queries and keys of unit root mean square: Henry et
al. 2020, arXiv:2010.04245, as in Dehghani et al. 2023, arXiv:2302.05442.

Letters: B batch, T places asked from, S places looked at, D width, H heads, d = D / H.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from thalweg.core.errors import UsageRefusal
from thalweg.layers.build import build_dropout
from thalweg.layers.rotary import Rotary


class Past(NamedTuple):
    """Keys and values (B, H, S, d) of the places before."""

    keys: Tensor
    values: Tensor


class Attention(nn.Module):
    """Heads side by side, over the places of one sequence.

    On a CPU the products are written out: the backward of torch's fused kernel is slower there than they are (LOG.md).

    Args:
        causal: no place looks at later ones.
        normalised: queries and keys have unit root mean square, so that no match grows without bound.

    Raises:
        UsageRefusal: the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, *, causal: bool, normalised: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise UsageRefusal(
                "LAYER_HEADS_DO_NOT_DIVIDE",
                f"a width of {width} cannot be divided into {heads} equal heads",
                where="heads",
                fix=f"a divisor of {width}",
            )
        self.heads, self.causal, self.normalised, self.dropout = heads, causal, normalised, dropout
        self.read = nn.Linear(width, 3 * width, bias=False)
        self.write = nn.Linear(width, width, bias=False)
        self.drop = build_dropout("plain", dropout)

    def forward(self, x: Tensor, rotary: Rotary | None = None) -> Tensor:
        """What each place takes up (B, T, D), of x (B, T, D)."""
        return self.continued(x, None, rotary)[0]

    def continued(self, x: Tensor, past: Past | None, rotary: Rotary | None = None) -> tuple[Tensor, Past]:
        """The same where x (B, T, D) follows places whose keys and values are known; these, and those of x."""
        rows, places, width = x.shape
        first = 0 if past is None else past.keys.shape[2]
        read = self.read(x).view(rows, places, 3, self.heads, width // self.heads)
        matching = read[:, :, :2].flatten(2, 3).transpose(1, 2)  # queries and keys side by side (B, 2 H, T, d)
        values = read[:, :, 2].transpose(1, 2)
        matching = functional.rms_norm(matching, matching.shape[-1:]) if self.normalised else matching
        queries, keys = (matching if rotary is None else rotary(matching, first)).chunk(2, 1)
        if past is not None:
            keys, values = torch.cat([past.keys, keys], 2), torch.cat([past.values, values], 2)
        taken = self._looked(queries, keys, values).transpose(1, 2).reshape(rows, places, width)
        return self.drop(self.write(taken)), Past(keys, values)

    def _looked(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """(B, H, T, d) of queries (B, H, T, d), keys and values (B, H, S, d); the last T of S places ask."""
        hidden = self._hidden(queries, keys)
        dropout = self.dropout if self.training else 0.0
        if queries.device.type != "cpu":
            return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=hidden, dropout_p=dropout)
        match = (queries * queries.shape[-1] ** -0.5) @ keys.mT  # (B, H, T, S)
        weight = (match if hidden is None else match + hidden).softmax(-1)
        return functional.dropout(weight, dropout) @ values

    def _hidden(self, queries: Tensor, keys: Tensor) -> Tensor | None:
        """(T, S) minus infinity where a place lies ahead; None where none does."""
        asked, known = queries.shape[2], keys.shape[2]
        if not self.causal or asked == 1:
            return None
        return torch.full((asked, known), -torch.inf, dtype=queries.dtype, device=queries.device).triu(known - asked + 1)
