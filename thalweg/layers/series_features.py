"""What fixed convolutional kernels find in a series, standardised: steps above biases, and wins of competing kernels.

References: Dempster et al. 2021, arXiv:2012.08791; Tan et al. 2022, arXiv:2102.00457; Dempster et al. 2023, arXiv:2203.13652,
who find the two together better than either.
"""

import torch
from torch import Tensor, nn

from thalweg.fields.ports import Port
from thalweg.layers.competing_kernels import CompetingKernels
from thalweg.layers.random_kernels import KERNELS, RandomKernels, drawn_rows
from thalweg.layers.start import Start, StartsFromData

LEAST = 1e-3
"""Features that deviate less on the training rows are not blown up further."""
ROWS = 64
"""Rows that are read at once in the beginning."""


class SeriesFeatures(nn.Module, StartsFromData):
    """(B, C, T) with a mask (B, T) to (B, width), of mean 0 and deviation 1 on the training rows.

    Args:
        port: the series.
        shares: features of `RandomKernels`; 0 for none of them.
        means: whether as many means of what is above follow.
        groups: groups of `CompetingKernels` for each dilation; 0 for none of them.
        kernels: of each group.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, port: Port, *, shares: int, means: bool = False, groups: int, kernels: int = 8) -> None:
        super().__init__()
        readers: list[RandomKernels | CompetingKernels] = []
        if shares >= KERNELS:
            readers.append(RandomKernels(port, features=shares, means=means))
        if groups:
            readers.append(CompetingKernels(port, groups=groups, kernels=kernels))
        self.port, self.readers = port, nn.ModuleList(readers)
        self.width = sum(reader.width for reader in readers)
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("deviation", torch.ones(self.width))

    @property
    def sorts(self) -> Tensor:
        """(width,) the number of each feature's sort, from 0: shares, means, wins."""
        widths = [width for reader in self.readers for width in reader.widths]  # type: ignore[union-attr]
        return torch.arange(len(widths)).repeat_interleave(torch.tensor(widths))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, width)."""
        return (self._read(x, mask) - self.mean) / self.deviation

    def _read(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return torch.cat([reader(x, mask) for reader in self.readers], 1)

    def start(self, start: Start) -> None:
        """Mean and deviation over a draw of the training rows."""
        rows, masks = (one.split(ROWS) for one in drawn_rows(start, self.port))
        home = self.mean.device
        read = [
            self._read(x.to(home), mask.to(home) if self.port.masked else None) for x, mask in zip(rows, masks, strict=True)
        ]
        found = torch.cat(read).double()
        self.mean.copy_(found.mean(0))
        self.deviation.copy_(found.std(0, correction=0).clamp(min=LEAST))
