"""Windows: stretches of one long row of codes, each given by its start; the row lies in memory once, however many there are."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """All stretches of a length in a long row, by their starts.

    Attributes:
        values: (N,) codes in the smallest type that holds them; may lie on the device.
        length: codes of a window.
        ahead: how far a window lies behind its start: 0 for what is read, 1 for what follows each of it.
    """

    values: Tensor
    length: int
    ahead: int = 0

    def __len__(self) -> int:
        """How many starts there are; all of them leave room for one code after the window."""
        return max(len(self.values) - self.length, 0)

    def __getitem__(self, starts: Tensor) -> Tensor:
        """Windows (B, length) int64 of their starts (B,)."""
        return self.values[self.ahead :].unfold(0, self.length, 1)[starts].long()

    @property
    def device(self) -> torch.device:
        """Where the codes lie."""
        return self.values.device

    def to(self, device: torch.device | str) -> "Windows":
        """The same with its codes on a device."""
        return Windows(self.values.to(device), self.length, self.ahead)
