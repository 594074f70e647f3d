"""Recurrent layers over padded rows, in one direction or both: padding changes nothing and comes out as zero.

Reference: Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735 (LSTM); Cho et al. 2014, arXiv:1406.1078 (GRU); both
ways at once Schuster and Paliwal 1997, doi:10.1109/78.650093.

Letters: B batch, T time, C features in, H units.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from thalweg.layers.packed_recurrence import read_packed

CELLS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}


class PaddedRecurrence(nn.Module):
    """(B, T, C) with a mask (B, T), real positions first, to (B, T, width).

    Args:
        units: H of each direction.
        both: read the rows backwards too; the answer is then 2 H wide.
    """

    def __init__(self, inputs: int, units: int, *, cell: Literal["lstm", "gru"] = "gru", both: bool = False) -> None:
        super().__init__()
        self.width = units * (2 if both else 1)
        self.onward = CELLS[cell](inputs, units, batch_first=True)
        self.backward_reading = CELLS[cell](inputs, units, batch_first=True) if both else None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """What was read up to each position (B, T, width); backwards: from the row's end down to it."""
        directions = [(self.onward, False)] + ([] if self.backward_reading is None else [(self.backward_reading, True)])
        return torch.cat([_read(layer, x, mask, backwards=backwards) for layer, backwards in directions], dim=2)

    def summary(self, read: Tensor, mask: Tensor) -> Tensor:
        """What stands at the end of each direction (B, width), of what `forward` gave (B, T, width); zeros for empty rows."""
        last = (mask.sum(1) - 1).clamp(min=0)  # (B,)
        ends = read[torch.arange(len(read), device=read.device), last]  # (B, width)
        units = self.onward.hidden_size
        return torch.cat([ends[:, :units], read[:, 0, units:]], dim=1)


def _read(layer: nn.LSTM | nn.GRU, x: Tensor, mask: Tensor, *, backwards: bool) -> Tensor:
    """States (B, T, H) of one direction, zeros at padding; packed where that gains: the same up to rounding."""
    learns = torch.is_grad_enabled() and not torch.compiler.is_compiling() and not torch.is_autocast_enabled(x.device.type)
    if isinstance(layer, nn.GRU) and learns and x.device.type == "cpu":
        return read_packed(layer, x, mask, backwards=backwards)
    read = reversed_rows(layer(reversed_rows(x, mask))[0], mask) if backwards else layer(x)[0]
    return read.masked_fill(~mask[:, :, None], 0.0)


def reversed_rows(x: Tensor, mask: Tensor) -> Tensor:
    """Rows (B, T, C) with their real positions, those that the mask (B, T) shows first, in reversed order; padding stays."""
    time = torch.arange(x.shape[1], device=x.device)
    lengths = mask.sum(1, keepdim=True)
    index = torch.where(mask, lengths - 1 - time, time)  # (B, T)
    return x.gather(1, index[:, :, None].expand_as(x))
