"""Ragged values: rows of varying length as one tensor with offsets; gathered padded, with a mask."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Ragged:
    """Rows of varying length, laid end to end.

    Attributes:
        values: (total, ...) the rows' values; may lie on the device.
        offsets: (N + 1,) int64 on the host, so that a padded width never waits for the device.
        table: (M, ...) where values repeat: each distinct one once, and `values` (total,) are the numbers of its rows.
        last: gathered rows have the axis that varies at the end, (B, ..., W), as channels over time do.
    """

    values: Tensor
    offsets: Tensor
    table: Tensor | None = None
    last: bool = False

    @staticmethod
    def of(rows: list[Tensor], *, last: bool = False) -> "Ragged":
        """Ragged values of rows (L_i, ...) that share all axes but the first."""
        lengths = torch.tensor([0] + [row.shape[0] for row in rows])
        return Ragged(torch.cat(rows), lengths.cumsum(0), last=last)

    def __len__(self) -> int:
        return self.offsets.numel() - 1

    @property
    def lengths(self) -> Tensor:
        """(N,) int64 lengths, on the host."""
        return self.offsets[1:] - self.offsets[:-1]

    def gather(self, rows: Tensor, width: int | None = None) -> tuple[Tensor, Tensor]:
        """The rows padded with zeros (B, W, ...), or (B, ..., W), and their mask (B, W), true where a value is.

        Args:
            rows: (B,) int64 indices on the host.
            width: the padded length; by default that of the longest of these rows, at least 1.
        """
        lengths = self.lengths[rows]
        width = width if width is not None else max(int(lengths.max()) if len(rows) else 0, 1)
        mask = torch.arange(width) < lengths[:, None]  # (B, W)
        index = (self.offsets[:-1][rows][:, None] + torch.arange(width)).masked_fill(~mask, 0)
        device = self.values.device
        mask = mask.to(device)
        if not self.values.shape[0]:
            like = self.values if self.table is None else self.table
            return self._turned(like.new_zeros(len(rows), width, *like.shape[1:])), mask
        padded = self._looked_up(self.values[index.to(device)])
        trailing = mask.view(*mask.shape, *[1] * (padded.dim() - 2))
        return self._turned(padded.masked_fill(~trailing, 0)), mask

    def _turned(self, padded: Tensor) -> Tensor:
        return padded.movedim(1, -1).contiguous() if self.last else padded

    def row(self, index: int) -> Tensor:
        """The values of one row (L, ...)."""
        return self._looked_up(self.values[self.offsets[index] : self.offsets[index + 1]])

    def _looked_up(self, values: Tensor) -> Tensor:
        return values if self.table is None else self.table[values.long()]

    def to(self, device: torch.device | str) -> "Ragged":
        """The same with its values on a device; offsets stay on the host."""
        table = None if self.table is None else self.table.to(device)
        return Ragged(self.values.to(device), self.offsets, table, self.last)
