"""Processes: `rank`, `world`, `sum`, `share`; the identity on one process. What sums over a batch uses it."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor


class Processes:
    """One process: nothing to sum, nothing to share."""

    rank = 0
    world = 1

    def sum(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The sums of the tensors over all processes, in the same order."""
        return list(tensors)

    def gather(self, rows: Tensor) -> Tensor:
        """The rows (n, ...) of all processes, one after another by rank."""
        return rows

    def share(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Rank 0's value, on every process."""
        return value

    def wait(self) -> None:
        """Return when all processes have come here."""

    def leave(self) -> None:
        """Leave the group, where it was joined by `distributed.connect`: programs that end without it may abort at exit."""

    def cut(self, count: int) -> tuple[int, int]:
        """The first and past-the-last of `count` rows that fall to this process, near equal over processes."""
        return self.rank * count // self.world, (self.rank + 1) * count // self.world
