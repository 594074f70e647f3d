"""Attention: each place looks at others, by how well its query matches their keys, and takes up their values.

Reference: Vaswani et al. 2017, arXiv:1706.03762, eq. 1 and section 3.2.2. Queries and keys normalised: Dehghani et al. 2023,
arXiv:2302.05442, section 2, here without learned scales.

Letters: B batch, T places asked from, S places looked at, D width, H heads, d = D / H.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from thalweg.core.errors import UsageRefusal
from thalweg.layers.build import build_dropout
from thalweg.layers.dropped import dropped
from thalweg.layers.rotary import Rotary


class Past(NamedTuple):
    """Keys and values (B, H, S, d) of the places before."""

    keys: Tensor
    values: Tensor


@dataclass(frozen=True)
class Manner:
    """How places look at each other.

    Attributes:
        causal: no place looks at later ones.
        normalised: queries and keys have mean 0 and deviation 1, so that no match grows without bound.
        biases: what is read and written is shifted by learned numbers.
        dropout: share of the matches, and of what is taken up, that is dropped in training.
    """

    causal: bool = False
    normalised: bool = False
    biases: bool = False
    dropout: float = 0.0


class Attention(nn.Module):
    """Heads side by side, over the places of one sequence.

    On a CPU the products are written out: the backward of torch's fused kernel is slower there than they are (LOG.md).

    Raises:
        UsageRefusal: the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, manner: Manner) -> None:
        super().__init__()
        if width % heads:
            raise UsageRefusal(
                "LAYER_HEADS_DO_NOT_DIVIDE",
                f"a width of {width} cannot be divided into {heads} equal heads",
                where="heads",
                why="each head reads a share of the width",
                fix=f"a divisor of {width}",
            )
        self.heads, self.manner = heads, manner
        self.read = nn.Linear(width, 3 * width, bias=manner.biases)
        self.write = nn.Linear(width, width, bias=manner.biases)
        self.drop = build_dropout("plain", manner.dropout)

    def forward(self, x: Tensor, rotary: Rotary | None = None) -> Tensor:
        """What each place takes up (B, T, D), of x (B, T, D)."""
        return self.continued(x, None, rotary)[0]

    def continued(self, x: Tensor, past: Past | None, rotary: Rotary | None = None) -> tuple[Tensor, Past]:
        """The same where x (B, T, D) follows places whose keys and values are known; these, and those of x."""
        rows, places, width = x.shape
        first = 0 if past is None else past.keys.shape[2]
        read = self.read(x).view(rows, places, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)  # (3, B, H, T, d)
        matching, values = read[:2], read[2]
        matching = functional.layer_norm(matching, matching.shape[-1:]) if self.manner.normalised else matching
        queries, keys = (matching if rotary is None else rotary(matching, first)).unbind(0)
        if past is not None:
            keys, values = torch.cat([past.keys, keys], 2), torch.cat([past.values, values], 2)
        taken = self._looked(queries, keys, values).transpose(1, 2).reshape(rows, places, width)
        return self.drop(self.write(taken)), Past(keys, values)

    def _looked(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """(B, H, T, d) of queries (B, H, T, d), keys and values (B, H, S, d); the last T of S places ask."""
        dropout = self.manner.dropout if self.training else 0.0
        if queries.device.type != "cpu":
            return self._fused(queries, keys, values, dropout)
        hidden = self._hidden(queries, keys)
        flat, scale = [one.flatten(0, 1) for one in (queries, keys, values)], queries.shape[-1] ** -0.5
        start = queries.new_zeros(()) if hidden is None else hidden
        match = torch.baddbmm(start, flat[0], flat[1].mT, alpha=scale)  # (B H, T, S)
        return (dropped(match.softmax(-1), dropout) @ flat[2]).view_as(queries)

    def _fused(self, queries: Tensor, keys: Tensor, values: Tensor, dropout: float) -> Tensor:
        """The same by torch's fused kernels, which need no mask where all places ask."""
        whole = self.manner.causal and queries.shape[2] == keys.shape[2]
        hidden = None if whole else self._hidden(queries, keys)
        return functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=hidden, dropout_p=dropout, is_causal=whole
        )

    def _hidden(self, queries: Tensor, keys: Tensor) -> Tensor | None:
        """(T, S) minus infinity where a place lies ahead; None where none does."""
        asked, known = queries.shape[2], keys.shape[2]
        if not self.manner.causal or asked == 1:
            return None
        return torch.full((asked, known), -torch.inf, dtype=queries.dtype, device=queries.device).triu(known - asked + 1)
