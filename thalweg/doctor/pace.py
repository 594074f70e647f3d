"""The pace: at which steps layers are read, so that it costs a small share of the time."""

import math
from collections import deque
from statistics import median

FIRST = (0, 1, 2, 4, 8, 16)
"""Steps that are sampled in any case."""
NEAR, FAR, SETTLED = 20, 50, 500
"""Steps between samples at least, at first and after so many."""
DOUBLED = 2
"""A training is looked into again before it is that many times as long, whatever that costs: it may end there."""
SHARES = 0.02, 0.01
"""Of the time, that samples may take, at first and once settled."""


class Pace:
    """Decides which steps are sampled, by what samples and other steps take."""

    def __init__(self) -> None:
        self.usual = deque[float](maxlen=32)
        self.costs = deque[float](maxlen=4)
        self.next = 0

    def due(self, step: int) -> bool:
        """The step is to be sampled."""
        return step >= self.next

    def plain(self, seconds: float) -> None:
        """A step that was not sampled took so long."""
        self.usual.append(seconds)

    def sampled(self, step: int, seconds: float) -> None:
        """A sampled step took so long; sets which is the next."""
        if self.usual:
            self.costs.append(max(0.0, seconds - median(self.usual)))
        later = [one for one in FIRST if one > step]
        self.next = later[0] if later else step + self._between(step)

    def _between(self, step: int) -> int:
        least, share = (FAR, SHARES[1]) if step >= SETTLED else (NEAR, SHARES[0])
        if not self.costs or not self.usual:
            return least
        wanted = math.ceil(median(self.costs) / (share * max(median(self.usual), 1e-6)))
        return max(least, min(wanted, (DOUBLED - 1) * step))
