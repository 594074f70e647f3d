"""Batches in as many parts as memory makes necessary, for whatever says of each row what does not depend on the others."""

from collections.abc import Callable
from typing import TypeVar

from thalweg.core.errors import ResourceRefusal
from thalweg.core.exhaustion import Attempt
from thalweg.core.memory import free_bytes, room_told
from thalweg.data.batch import Batch

T = TypeVar("T")


class Parted:
    """Acts on one batch after another; where memory is refused, on halves of it, and of all that follow.

    Args:
        doing: what is done, for the refusal ("an evaluation").

    Attributes:
        parts: into which batches are split by now.
    """

    def __init__(self, doing: str) -> None:
        self.doing, self.parts = doing, 1

    def __call__(self, act: Callable[[Batch], T], batch: Batch) -> list[T]:
        """What comes of each part, in order.

        Raises:
            ResourceRefusal: memory does not hold what a single row takes.
        """
        attempt = Attempt()
        while True:
            parts = self.parts
            with attempt:
                return [act(one) for one in batch.parts(parts)]
            if parts >= batch.size:
                raise self._full(batch)
            self.parts = max(self.parts, 2 * parts)

    def _full(self, batch: Batch) -> ResourceRefusal:
        free = free_bytes(batch.device)
        return ResourceRefusal(
            "MEMORY_FULL",
            f"memory does not hold {self.doing} of a single row{room_told(free)}",
            where=f"a batch of {batch.size:,} rows, tried whole and in up to {min(self.parts, batch.size):,} parts",
            why="nothing of it was kept, and nothing else was changed",
            fix="shorter or smaller inputs, a smaller model, or more memory",
            details={"rows": batch.size, "free_bytes": free},
        )
