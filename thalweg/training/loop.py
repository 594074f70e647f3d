"""The loop: one for every way of learning."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from thalweg.core.exhaustion import Attempt
from thalweg.core.position import Position, seed_from
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.engine.program import Program
from thalweg.rules._rule import Rule, stepped

BURST_SECONDS = 0.02
"""What a program may do at most between two looks of the listeners, about: signals and the clock are heard then."""


class Progress:
    """How far a stage has come.

    Attributes:
        position: where training stands.
        length: steps in an epoch; None where there are none.
        report: what the last step returned; empty where a program took it.
        losses: of all steps since the listeners heard last, in order.
        at: where the last step was taken; None before the first.
        batch: what it was taken on.
        stopped: why a listener asked to stop; empty while none did.
        plainly: the rule takes all further steps, since a program was refused memory for one.
        history: what evaluations found, one mapping each, those of earlier stages first.
    """

    def __init__(self, position: Position, length: int | None) -> None:
        self.position, self.length = position, length
        self.report: Mapping[str, Tensor] = {}
        self.losses: Sequence[float] = ()
        self.at: Position | None = None
        self.batch: Batch | None = None
        self.stopped, self.plainly = "", False
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

    def advance(self, batch: Batch, report: Mapping[str, Tensor]) -> None:
        """One step on, that was taken on a batch."""
        self.report, self.losses = report, (float(report.get("loss", math.nan)),)
        self.at, self.batch = self.position, batch
        self.position = self.position.advanced(self.length)

    def take(self, program: Program, most: int) -> bool:
        """Let a program take steps, `most` at most; says whether it took any."""
        taken = program.take(self.position, most)
        if not taken.count:
            return False
        self.report, self.losses, self.batch = {}, taken.losses, taken.batch
        self.at = self.position.advanced(self.length, taken.count - 1)
        self.position = self.position.advanced(self.length, taken.count)
        return True


@runtime_checkable
class Listener(Protocol):
    """Something that watches training: it reads, keeps a state of its own, and may ask to stop."""

    def __call__(self, progress: Progress, rule: Rule) -> None: ...
    def due(self, progress: Progress) -> float:
        """The next step after which it must hear, as many as are done by then; infinite where any time will do."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class Bursts:
    """How many steps a program takes in one call: up to the first at which a listener is due, and not for long.

    Args:
        listeners: a plain function among them is to hear of every step.
    """

    def __init__(self, listeners: Sequence[Callable[[Progress, Rule], None]]) -> None:
        self.listeners = [one for one in listeners if isinstance(one, Listener)]
        self.longest = math.inf if len(self.listeners) == len(listeners) else 1
        self.size = 1

    def take(self, program: Program, progress: Progress) -> bool:
        """Take the next steps; says whether the program took any."""
        done = progress.position.step
        until = min([progress.position.total, *(one.due(progress) for one in self.listeners)])
        most = int(min(self.size, self.longest, max(until - done, 1)))
        begun = time.perf_counter()
        taken = progress.take(program, most)
        if progress.position.step - done == self.size:
            fitting = BURST_SECONDS * self.size / max(time.perf_counter() - begun, 1e-9)
            self.size = max(1, min(2 * self.size, int(fitting)))
        return taken


def learn(
    rule: Rule,
    batches: Batches,
    progress: Progress,
    listeners: Sequence[Callable[[Progress, Rule], None]],
    program: Program | None = None,
) -> None:
    """Step until the stage is done or a listener asks to stop.

    Args:
        program: takes the steps, but those that it leaves to the rule.
    """
    bursts, attempt = Bursts(listeners), Attempt()
    while not progress.stop:
        taken = False
        if program is not None and not progress.plainly:
            with attempt:
                taken = bursts.take(program, progress)
            progress.plainly = attempt.refused
        if not taken:
            position = progress.position
            seed_from(position)  # dropout and friends
            batch = batches.at(position)
            with attempt:
                progress.advance(batch, rule.step(batch, position))
            if attempt.refused:
                rule.split_further(batch, position)
                progress.advance(batch, stepped(rule, batch, position))
        for listen in listeners:
            listen(progress, rule)
