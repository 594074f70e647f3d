"""The program contract: a faster way to take the steps of a rule.

A program makes the same updates of the same state as the rule's own `step`, several of them in one call, so that neither Python
nor a look at each result lies between them. A step is a function of position and state alone: how steps are cut into calls
changes no bit.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.rules._rule import Rule


@dataclass(frozen=True)
class Taken:
    """What a program did.

    Attributes:
        count: steps taken, each of them finite; fewer than asked for, or none, where the rule is to take the next one.
        losses: the loss that each of them reports.
        batch: what the last of them was taken on; None where it was never put together.
    """

    count: int
    losses: Sequence[float] = field(default_factory=tuple)
    batch: Batch | None = None


class Program(ABC):
    """A way to take the steps of a rule, declared with `@program`.

    With `lanes=True` it takes them in a rule's lanes too; with `precisions=("bfloat16",)` its products are in that precision
    where `rule.context.precision` says so, on weights that stay float32; with `by_slope=True` it calls `rule.slope`.

    After each `take` all that the rule holds is true: parameters, buffers, optimizer state by torch's names, followers. A step
    that would not be finite is left to the rule, which finds the cause, and changes nothing.
    """

    @classmethod
    @abstractmethod
    def of(cls, rule: Rule, batches: Batches) -> "Program | None":
        """The program for a rule whose states are loaded; None where it does not fit the net, loss, descent or data."""

    @abstractmethod
    def take(self, at: Position, most: int) -> Taken:
        """Take steps from a position on, `most` at most.

        Memory may be refused to it: then it raises what it was refused with, all that the rule holds as before the call, or
        gives the steps that were taken.
        """
