"""Runs of one net, learned at once where that is faster; each ends as it would have ended alone.

Each run keeps all that is its own: seed, order of rows, draws, listeners, best weights, checkpoints, package. Only steps are
taken together, by the loop that every training goes through, and come to the same up to rounding. Whether they do is tried on
the first batch before anything is learned, and whether they are faster on the next ones.
"""

import dataclasses
import math
import statistics
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from thalweg.core.errors import Refusal
from thalweg.core.position import Position
from thalweg.core.talk import Talk
from thalweg.data.batches import Batches
from thalweg.engine._chains_together import ChainsTogether, chained
from thalweg.engine._several import AtOnce, Several, SeveralBatches, apart, together
from thalweg.engine._together import Together, alike
from thalweg.engine.program import Program
from thalweg.layers.folded import folded
from thalweg.rules._rule import Rule
from thalweg.training.failures import naming_failures
from thalweg.training.fit import Fitted
from thalweg.training.lesson import Lesson
from thalweg.training.loop import Progress, learn
from thalweg.training.stage import Stage
from thalweg.training.trial import taken_back

Run = Generator[Lesson | Fitted, None, None]
"""A run of one stage as `taught` gives it: the stage when it is about to learn, then what it came to."""
MOST_WEIGHTS = 20_000_000
"""Weights of all nets, at most: they lie in memory at the same time, with all that their optimizers remember."""
WORTH = 1.0
"""Seconds that all would take one after another, below which no time is spent on trying."""
WARM, TIMED, ROUNDS = 4, 12, 3
"""Steps that count for nothing, steps that are timed in one go, and how often, in turn."""
GAIN = 1.1
"""How many times as fast all at once must be: less may be noise."""


def lead(runs: Sequence[Run], talk: Talk, *, may_join: bool, label: str = "seeds") -> list[Fitted]:
    """Let runs of one net learn, from seeds or on rows of their own: at once where they can and gain by it, else one by one.

    Args:
        may_join: each has one stage, whose length no clock decides.
        label: what they differ in, in what is said.

    Raises:
        Refusal: of the first that was stopped or failed, once those that learned at once with it have ended.
    """
    if not runs:
        return []
    lessons = [_lesson(runs[0])]
    if not may_join or not _small(lessons[0].stage, len(runs)):
        return [_alone(run, lessons[0] if run is runs[0] else _lesson(run)) for run in runs]
    lessons += map(_lesson, runs[1:])
    found = dict[int, Fitted]()
    for numbers in _in_step(lessons):
        some, own = [runs[i] for i in numbers], [lessons[i] for i in numbers]
        found |= zip(numbers, _led(some, own, talk, label), strict=True)
    return [found[i] for i in range(len(runs))]


def _in_step(lessons: Sequence[Lesson]) -> list[list[int]]:
    """The numbers of runs that stand at the same step of as many, in epochs of as many; those that have ended by themselves."""
    groups: dict[tuple[Position, int | None, bool], list[int]] = {}
    for number, lesson in enumerate(lessons):
        progress = lesson.stage.progress
        key = dataclasses.replace(progress.position, seed=0), progress.length, progress.stop
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def _led(runs: Sequence[Run], lessons: Sequence[Lesson], talk: Talk, label: str) -> list[Fitted]:
    """Let runs that are in step learn."""
    found = _at_once(lessons)
    if found is None:
        return [_alone(run, lesson) for run, lesson in zip(runs, lessons, strict=True)]
    several, program, gain = found
    talk.say(label, f"{len(runs)} trainings learn at once: {gain:.1f} times as fast as one after another")
    progress = Progress(lessons[0].stage.progress.position, lessons[0].stage.progress.length)
    with lessons[0].interruption.heard(), naming_failures(progress), ExitStack() as saved:
        for lesson in lessons:
            saved.enter_context(lesson.behind.done_at_end())
        learn(several, program.batches, progress, [Each(lessons, several)], program)
    return _ended(runs)


def _lesson(run: Run) -> Lesson:
    found = next(run)
    assert isinstance(found, Lesson), "a run begins with a stage"
    return found


def _small(stage: Stage, count: int) -> bool:
    """There is a way to take the steps of several such nets at once, and so many of them lie in memory at ease."""
    weights = sum(one.numel() for one in stage.rule.model.parameters())
    if count < 2 or count * weights > MOST_WEIGHTS:
        return False
    return chained(stage.rule) or (alike([stage.rule]) and folded([stage.rule.model]) is not None)


def _alone(run: Run, found: Lesson | Fitted) -> Fitted:
    """Learn a run's stages by themselves."""
    while isinstance(found, Lesson):
        stage = found.stage
        with found.held() as listening:
            learn(stage.rule, stage.batches, stage.progress, listening, stage.program())
        found = next(run)
    run.close()
    return found


def _fitted(run: Run) -> Fitted:
    found = next(run)
    run.close()
    assert isinstance(found, Fitted), "the last of a run is what it came to"
    return found


def _ended(runs: Sequence[Run]) -> list[Fitted]:
    found, refused = list[Fitted](), list[Refusal]()
    for run in runs:
        try:
            found.append(_fitted(run))
        except Refusal as refusal:
            refused.append(refusal)
    if refused:
        raise refused[0]
    return found


class Each:
    """Lets the listeners of each run hear of its steps; a run that has ended learns no more, the others go on.

    Args:
        lessons: of all runs; signals are heard by the first.
    """

    def __init__(self, lessons: Sequence[Lesson], several: Several) -> None:
        self.learning, self.heard = list(lessons), lessons[0].interruption

    def __call__(self, progress: Progress, rule: Rule) -> None:
        assert isinstance(rule, Several)
        for number, lesson in enumerate(self.learning):
            lesson.interruption.number = self.heard.number
            self._tell(lesson, progress, rule, number)
        going = [number for number, lesson in enumerate(self.learning) if not lesson.stage.progress.stop]
        if len(going) < len(self.learning):
            self.learning, rule.runs = [self.learning[i] for i in going], [rule.runs[i] for i in going]
        if not going:
            progress.stopped = "all have ended"

    def _tell(self, lesson: Lesson, progress: Progress, rule: Several, number: int) -> None:
        own, batch = lesson.stage.progress, progress.batch
        own.report = rule.reports[number] if rule.reports else {}
        own.losses = rule.losses[:, number].tolist()
        own.batch = apart(batch, len(rule.runs))[number] if rule.reports and batch is not None else None
        own.at = None if progress.at is None else dataclasses.replace(progress.at, seed=own.position.seed)
        own.position = dataclasses.replace(progress.position, seed=own.position.seed)
        own.plainly = progress.plainly
        for listen in lesson.watch.values():
            listen(own, lesson.stage.rule)

    def due(self, progress: Progress) -> float:
        listeners = [(lesson.stage.progress, one) for lesson in self.learning for one in lesson.watch.values()]
        return min((one.due(own) for own, one in listeners), default=math.inf)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Each run's listeners keep what is theirs."""


def _at_once(lessons: Sequence[Lesson]) -> tuple[Several, AtOnce, float] | None:
    """What takes the steps of all, and how many times as fast; None where they cannot learn at once, or gain nothing by it."""
    stages = [lesson.stage for lesson in lessons]
    if len(stages) < 2 or stages[0].progress.stop:
        return None
    seeds = [stage.progress.position.seed for stage in stages]
    found = together([stage.rule for stage in stages], seeds, [stage.batches for stage in stages])
    if found is None:
        return None
    with ExitStack() as stack:
        for stage in stages:
            stack.enter_context(taken_back(stage))
        program = program_of(*found)
        gain = 0.0 if program is None else _gain(lessons[0], found[0], program)
    return (found[0], program, gain) if program is not None and gain >= GAIN else None


def program_of(several: Several, batches: SeveralBatches) -> AtOnce | None:
    """What takes the steps of all, by hand where it can; None where they cannot learn at once."""
    return ChainsTogether.of(several, batches) or Together.of(several, batches)


def _gain(lesson: Lesson, several: Several, program: AtOnce) -> float:
    """How many times as fast steps of all at once are as those of one after another; 0 where these are over soon."""
    stage, at, count = lesson.stage, lesson.stage.progress.position, len(several.runs)
    at_once, alone = Clocked(at, several, program.batches, program), Clocked(at, stage.rule, stage.batches, stage.program())
    at_once.take(WARM)
    if count * alone.take(WARM) / WARM * (at.total - at.step) < WORTH:
        return 0.0
    seconds = [(alone.take(TIMED), at_once.take(TIMED)) for _ in range(ROUNDS)]
    program.forget()
    return statistics.median(count * one / other for one, other in seconds)


class Clocked:
    """Steps by the loop, on and on from a position, that nobody hears of."""

    def __init__(self, at: Position, rule: Rule, batches: Batches, program: Program | None) -> None:
        self.rule, self.batches, self.program = rule, batches, program
        self.progress = Progress(at, batches.length)

    def take(self, steps: int) -> float:
        """Seconds of so many more steps."""
        self.progress.take_in_all(self.progress.position.step + steps)
        begun = time.perf_counter()
        learn(self.rule, self.batches, self.progress, [], self.program)
        return time.perf_counter() - begun
