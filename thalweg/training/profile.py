"""Where the time of a training goes, measured while it goes on.

All steps are clocked as a whole, by ears among the listeners: one before them, one behind those that read what a step
reports, one behind all. Every so many steps the next one is timed in parts, and its shares stand for those of all steps. What a
program took, many steps to a call, is one part.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from thalweg.core.machine import Memory, settled
from thalweg.data.batches import Batches
from thalweg.rules._rule import Rule
from thalweg.training.divergence import Divergence
from thalweg.training.listeners import Checkpointer, Evaluation
from thalweg.training.loop import Listener, Progress
from thalweg.training.profile_clock import Sections, watched

EVERY, OFTEN = 50, 5
"""Steps from one that is timed in parts to the next: in any run, and where a profile is asked for."""
WARM = 2
"""Steps that are never timed in parts: the first ones set up what all others use."""
EARLY = (2, 4, 8, 16, 32)
"""Steps after which the next one is timed in parts in any case, so that a short run has some."""
STEP, READING, LISTENERS = "rest of the step", "metrics", "listeners"
EVALUATION, CHECKPOINT, PROFILING, ELSE = "evaluation", "checkpoint", "this profile", "everything else"
PROGRAM = "program"
"""The steps that a program took."""


@dataclass
class Steps:
    """Steps that were taken in one way.

    Attributes:
        count: of all, in `seconds`; all that listeners did is left out.
        sampled: of those that were timed in parts, in `timed` seconds, of which `parts`.
    """

    count: int = 0
    seconds: float = 0.0
    sampled: int = 0
    timed: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)

    def add(self, count: int, took: float, parts: Mapping[str, float] | None) -> None:
        """So many more, in so many seconds; with their parts where these were timed."""
        self.count, self.seconds = self.count + count, self.seconds + took
        if parts is not None:
            self.sampled, self.timed = self.sampled + count, self.timed + took
            for part, seconds in parts.items():
                self.parts[part] = self.parts.get(part, 0.0) + seconds

    def split(self, rest: str) -> dict[str, float]:
        """Seconds by part, those that were timed standing for all; `rest` is what lies in none of them."""
        share = self.seconds / self.timed if self.timed else 0.0
        found = {part: seconds * share for part, seconds in self.parts.items()}
        return {**found, rest: self.seconds - sum(found.values())}


@dataclass
class Spent:
    """Seconds of a stage, and what they were spent on.

    Attributes:
        rule, program: steps that the rule took, and a program.
        reading: seconds of listeners that read what a step reports; `listening`: of all others.
        evaluations: how many; `evaluating`: their seconds.
        saving: seconds of checkpoints.
        profiling: seconds that went into timing steps in parts, outside of these steps.
        seconds: wall time from the first step to the last.
        memory: bytes that the process grew by, or that were allocated on the device at most.
    """

    rule: Steps = field(default_factory=Steps)
    program: Steps = field(default_factory=Steps)
    reading: float = 0.0
    listening: float = 0.0
    evaluations: int = 0
    evaluating: float = 0.0
    saving: float = 0.0
    profiling: float = 0.0
    seconds: float = 0.0
    memory: int | None = None

    @property
    def steps(self) -> int:
        """All that were taken."""
        return self.rule.count + self.program.count

    @property
    def stepping(self) -> float:
        """Seconds of all steps."""
        return self.rule.seconds + self.program.seconds

    def split(self) -> dict[str, float]:
        """Seconds by part; they add up to the wall time."""
        found: dict[str, float] = {
            READING: self.reading,
            LISTENERS: self.listening,
            EVALUATION: self.evaluating,
            CHECKPOINT: self.saving,
            PROFILING: self.profiling,
        }
        for inside in (self.rule.split(STEP), self.program.split(PROGRAM)):
            for part, seconds in inside.items():
                found[part] = found.get(part, 0.0) + seconds
        found[ELSE] = self.seconds - sum(found.values())
        return {part: seconds for part, seconds in found.items() if seconds > 0}


class Ear:
    """A listener that only looks at the clock; any time will do."""

    def __init__(self, hear: Callable[[Progress], None]) -> None:
        self.hear = hear

    def __call__(self, progress: Progress, rule: Rule) -> None:
        self.hear(progress)

    def due(self, progress: Progress) -> float:
        return math.inf

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered: how long it took is no part of the result."""


class Profile:
    """Clocks one stage, as a context around its steps.

    Args:
        every: steps from one that is timed in parts to the next.

    Attributes:
        spent: what was found, whole once the context is left.
    """

    def __init__(
        self,
        rule: Rule,
        batches: Batches,
        progress: Progress,
        *,
        every: int = EVERY,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.rule, self.batches, self.progress = rule, batches, progress
        self.every, self.clock = every, clock
        self.device = rule.context.device
        self.spent = Spent()
        self._sections = Sections(settled(self.device), clock)
        self._watching: ExitStack | None = None
        self._step, self._taken, self._next = 0, 0, WARM
        self._memory = Memory(self.device)
        self._at = self._heard = self._begun = 0.0
        self._saved, self._evaluated = 0.0, 0

    def among(self, listeners: Sequence[Listener]) -> list[Listener]:
        """The listeners with the ears among them; those up to the last that reads what a step reports come first."""
        readers = 1 + max((i for i, one in enumerate(listeners) if isinstance(one, Evaluation | Divergence)), default=-1)
        reading, others = listeners[:readers], listeners[readers:]
        for one in others:
            if isinstance(one, Checkpointer):
                one.save = self._clocked(one.save)
        return [Ear(self._stepped), *reading, Ear(self._read), *others, Ear(self._listened)]

    def _clocked(self, save: Callable[[Progress], None]) -> Callable[[Progress], None]:
        """What saves a checkpoint, clocked."""

        def within(progress: Progress) -> None:
            begun = self.clock()
            save(progress)
            self._saved += self.clock() - begun

        return within

    def __enter__(self) -> "Profile":
        self._step, self._evaluated = self.progress.position.step, len(self.progress.history)
        self._memory = Memory(self.device)
        self._begun = self._at = self.clock()
        return self

    def __exit__(self, *error: object) -> None:
        self._unwatch()
        self.spent.seconds = self.clock() - self._begun
        self.spent.memory = self._memory.grown()

    def _stepped(self, progress: Progress) -> None:
        """Before all listeners: a step was taken, or several."""
        if self._watching is not None:
            self._sections.settle()
        now, step = self.clock(), progress.position.step
        took, count, spent = now - self._at, step - self._step, self.spent
        self._step, self._taken = step, self._taken + count
        taken = spent.rule if progress.report else spent.program
        if self._watching is None:
            taken.add(count, took, None)
        else:
            self._unwatch()
            taken.add(count, took, self._sections.seconds)
            now = self._profiled(now)
        self._heard = now

    def _read(self, progress: Progress) -> None:
        """Behind those listeners that read what a step reports."""
        now, spent = self.clock(), self.spent
        took, self._heard = now - self._heard, now
        if len(progress.history) == self._evaluated:
            spent.reading += took
        else:
            self._evaluated = len(progress.history)
            spent.evaluations, spent.evaluating = spent.evaluations + 1, spent.evaluating + took

    def _listened(self, progress: Progress) -> None:
        """Behind all listeners; the next step may be one to time in parts."""
        now, spent = self.clock(), self.spent
        spent.listening += now - self._heard - self._saved
        if self._saved:
            spent.saving, self._saved = spent.saving + self._saved, 0.0
        if self._taken >= self._next and not progress.stop:
            self._watch(progress)
            now = self._profiled(now)
        self._at = now

    def _profiled(self, since: float) -> float:
        """Book the time since then for this profile; gives the time that it is."""
        now = self.clock()
        self.spent.profiling += now - since
        return now

    def _watch(self, progress: Progress) -> None:
        """Time the next step in parts; where a program took the last ones, only what supplies it with batches."""
        by_rule = bool(progress.report)
        pause = self.every if by_rule else self.every * len(progress.losses)
        self._next = min(self._taken + pause, *(early for early in EARLY if early > self._taken), sys.maxsize)
        self._sections = Sections(settled(self.device), self.clock)
        self._watching = watched(self._sections, self.batches, self.rule if by_rule else None)
        self._sections.settle()

    def _unwatch(self) -> None:
        if self._watching is not None:
            self._watching.close()
            self._watching = None
