"""The loop: one for every way of learning."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from torch import Tensor

from thalweg.core.position import Position, seed_from
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.rules._rule import Rule


class Progress:
    """How far a stage has come.

    Attributes:
        position: where training stands.
        length: steps in an epoch; None where there are none.
        report: what the last step returned.
        at: where the last step was taken; None before the first.
        batch: what it was taken on.
        stopped: why a listener asked to stop; empty while none did.
        history: what evaluations found, one mapping each, those of earlier stages first.
    """

    def __init__(self, position: Position, length: int | None) -> None:
        self.position, self.length = position, length
        self.report: Mapping[str, Tensor] = {}
        self.at: Position | None = None
        self.batch: Batch | None = None
        self.stopped = ""
        self.history: list[dict[str, Any]] = []

    @property
    def stop(self) -> bool:
        """All steps are done, or a listener asked to stop."""
        return bool(self.stopped) or self.position.step >= self.position.total

    @property
    def epoch_ended(self) -> bool:
        """The last step was the last of an epoch, or of the stage."""
        return self.position.index == 0 or self.stop

    def take_in_all(self, total: int) -> None:
        """Take so many steps in this stage, done ones included; who decides so remembers it, so that a resumed run does too."""
        self.position = replace(self.position, total=total)

    def advance(self, batch: Batch) -> None:
        """One step on, that was taken on a batch."""
        self.at, self.batch = self.position, batch
        self.position = self.position.advanced(self.length)


class Listener(Protocol):
    """Something that watches training: it reads, keeps a state of its own, and may ask to stop."""

    def __call__(self, progress: Progress, rule: Rule) -> None: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


def learn(rule: Rule, batches: Batches, progress: Progress, listeners: Sequence[Callable[[Progress, Rule], None]]) -> None:
    """Step until the stage is done or a listener asks to stop."""
    while not progress.stop:
        position = progress.position
        seed_from(position)  # dropout and friends
        batch = batches.at(position)
        progress.report = rule.step(batch, position)
        progress.advance(batch)
        for listen in listeners:
            listen(progress, rule)
