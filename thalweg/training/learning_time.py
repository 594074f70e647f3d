"""How long a run has learned: over its stages, and over the processes before this one as far as a checkpoint kept it.

It says how long opponents may take and what folds would; nothing that is learned depends on it.
"""

import time
from collections.abc import Callable


class LearningTime:
    """A watch that is started with each stage, stopped at its end, and set by the checkpoint that a run goes on from.

    Attributes:
        earlier: seconds of the processes before this one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.earlier = clock, 0.0
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """All that was counted so far."""
        return self.earlier + self._before + (0.0 if self._since is None else self.clock() - self._since)

    def start(self) -> None:
        """Count from now on."""
        self._before, self._since = self.seconds - self.earlier, self.clock()

    def stop(self) -> None:
        """Count no further."""
        self._before, self._since = self.seconds - self.earlier, None

    def go_on(self, earlier: float, *, ended: bool) -> None:
        """Count on from what processes before this one took.

        Args:
            ended: the stage has ended, so that what this process does for it is no learning.
        """
        self.earlier = earlier
        if ended:
            self._since = None
