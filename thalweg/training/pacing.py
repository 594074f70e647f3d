"""Pacing: a training that ends within a time limit, its schedule run to its end.

Before the first step a trial measures what steps and evaluations cost; that fixes how many there will be, so that the rate
falls to its end over them. On the way the pace is measured again, and the length is changed where the end would miss the
limit. Each decision stands in `plan.json` before it holds, and a resumed run repeats them and makes none: the clock decides how
long it takes, but after that every bit is decided too.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from thalweg.core.errors import ResourceRefusal, UsageRefusal
from thalweg.core.talk import Talk
from thalweg.rules._rule import Rule
from thalweg.training.duration import rounded_up, spoken
from thalweg.training.listeners import Evaluation
from thalweg.training.loop import Listener, Progress
from thalweg.training.planned import Planned
from thalweg.training.stage import Stage
from thalweg.training.trial import Clock, Costs, costs

AIM = 0.98
"""Share of the limit that is planned for: what is not foreseen makes a training longer, not shorter."""
SLACK = 0.015
"""Share of the limit by which the end may be missed without a new plan."""
TRIAL = 0.02
"""Share of the limit that the trial may take."""
FEWEST = 10
"""Steps below which a limit is too short."""
LOOKS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)
"""Shares of the steps after which the pace is measured again."""
WRITTEN_PER_SECOND = 4e7
"""Bytes of weights that a last checkpoint and a package are counted for: each is written, read back and digested."""


class Pace:
    """A listener that measures how fast a stage goes and changes its length to end on time; the first to hear of a step.

    Args:
        until: when the stage is to have ended, by the clock.
        slack: seconds by which it may miss that.
    """

    def __init__(self, evaluation: Evaluation, planned: Planned, clock: Clock, *, until: float, slack: float) -> None:
        self.evaluation, self.planned, self.clock, self.until, self.slack = evaluation, planned, clock, until, slack
        self.costs = Costs(0.0, 0.0, 0.0)
        self._heard: float | None = None
        self._steps, self._spent, self._look, self._left = 0, 0.0, 0, 0

    def __call__(self, progress: Progress, rule: Rule) -> None:
        if self.planned.resumed:
            self._repeat(progress)
            return
        self._measure(progress)
        position = progress.position
        if position.step >= self._look:
            self._look = _next_look(position.step, position.total)
            chosen = int(rule.context.processes.share(self._chosen(progress)))
            if chosen != position.total:
                self.planned.decide(position.stage, position.step, chosen)
                self.planned.write()
                progress.take_in_all(chosen)
                self._look = _next_look(position.step, chosen)
        self._heard, self._left = self.clock(), progress.position.step

    def due(self, progress: Progress) -> float:
        step = progress.position.step
        if self.planned.resumed:
            decided = [one.step for one in self.planned.of_stage(progress.position.stage) if one.step > step]
            return min(decided, default=math.inf)
        return max(self._look, step + 1)

    def _repeat(self, progress: Progress) -> None:
        """What was decided at this step before the run was cut short."""
        for one in self.planned.of_stage(progress.position.stage):
            if one.step == progress.position.step:
                progress.take_in_all(one.total)

    def _measure(self, progress: Progress) -> None:
        """The time since this listener was last left: some steps, and what other listeners did after the one before."""
        if self._heard is None:
            return
        took, position = self.clock() - self._heard, progress.position
        steps = position.step - self._left
        if (position.step - steps) % self.evaluation.period(position.total, progress.length):
            self._steps, self._spent = self._steps + steps, self._spent + took
        else:  # after the step before there was an evaluation
            found = max(0.0, took - steps * self.costs.step)
            self.costs = Costs(self.costs.begin, self.costs.step, 0.5 * (self.costs.evaluation + found))

    def _chosen(self, progress: Progress) -> int:
        """How many steps it should be in all, by what was measured since the last look: as planned where that is near."""
        position = progress.position
        if self._steps >= min(20, max(2, position.total // 50)):
            self.costs = Costs(self.costs.begin, self._spent / self._steps, self.costs.evaluation)
            self._steps, self._spent = 0, 0.0
        left = self.until - self.clock()
        if abs(self.lasts(progress, position.total) - left) <= self.slack:
            return position.total
        return self.fitting(progress, left)

    def lasts(self, progress: Progress, total: int) -> float:
        """Seconds from here to the end of so many steps in all, evaluations included."""
        step, period = progress.position.step, self.evaluation.period(total, progress.length)
        return (total - step) * self.costs.step + (-(-total // period) - step // period) * self.costs.evaluation

    def fitting(self, progress: Progress, seconds: float) -> int:
        """The most steps in all that end within so many seconds; at least one more."""
        low, high = progress.position.step + 1, progress.position.step + 1 + int(seconds / max(self.costs.step, 1e-7))
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.lasts(progress, middle) <= seconds
            low, high = (middle, high) if fits else (low, middle - 1)
        return low

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered here: what was decided stands in the run's plan."""


def _next_look(step: int, total: int) -> int:
    """The next step at which the pace is looked at."""
    return next((at for share in LOOKS if (at := round(share * total)) > step), total + 1)


@dataclass
class Pacing:
    """The time limit of a run over its stages; nothing where none was set.

    Attributes:
        begun: when the run began, by the clock: reading and checking the data count.
    """

    limit: float | None
    stages: int
    planned: Planned = field(default_factory=Planned)
    clock: Clock = time.monotonic
    begun: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.begun = self.clock()

    def listener(self, stage: Stage, evaluation: Evaluation) -> dict[str, Listener]:
        """What keeps a stage within its share of what is left of the time."""
        if self.limit is None:
            return {}
        _refuse_without_length(stage)
        number, now = stage.progress.position.stage, self.clock()
        end = self.begun + self.limit * AIM - _writing(stage)
        until = now + (end - now) / (self.stages - number)
        return {"pace": Pace(evaluation, self.planned, self.clock, until=until, slack=SLACK * self.limit)}

    def refuse_passed(self, doing: str) -> None:
        """Raise where the time is over before anything was tried: that what was done took it all is certain.

        Args:
            doing: what was done since the run began ("reading the data").
        """
        spent = self.clock() - self.begun
        if self.limit is None or self.planned.lengths or spent < AIM * self.limit:
            return
        raise ResourceRefusal(
            "TIME_LIMIT_TOO_SHORT",
            f"{spoken(self.limit)} are too short: {doing} took {spoken(spent)}",
            where="--time-limit",
            why="it counts from the first reading to the package, and nothing is left to learn in",
            fix=f"--time-limit {rounded_up(2 * spent / AIM)} or more, or fewer rows",
        )

    def plan(self, stage: Stage, watch: Mapping[str, Listener], talk: Talk) -> None:
        """Fix the length of a stage that is about to begin: as it was decided before, or by a trial.

        Raises:
            ResourceRefusal: the time is too short for a few steps.
        """
        pace, progress = watch.get("pace"), stage.progress
        if not isinstance(pace, Pace) or self.limit is None:
            return
        decided = [one for one in self.planned.of_stage(progress.position.stage) if one.step == 0]
        if decided:
            progress.take_in_all(decided[0].total)
            talk.say("time", f"{decided[0].total:,} steps, as was planned when it began")
            return
        self.planned.resumed = False
        self._refuse_late(pace, stage)
        pace.costs = costs(stage, pace.evaluation.validation, budget=TRIAL * self.limit, clock=self.clock)
        total = int(stage.rule.context.processes.share(pace.fitting(progress, pace.until - self.clock() - pace.costs.begin)))
        if total < FEWEST:
            raise self._too_short(pace, stage)
        self.planned.decide(progress.position.stage, 0, total)
        progress.take_in_all(total)
        talk.say("time", self._told(pace, progress))

    def conclude(self, talk: Talk) -> None:
        """Note and say how long it took, once the package stands."""
        self.planned.seconds = None if self.planned.resumed else round(self.clock() - self.begun, 3)
        self.planned.write()
        if self.limit is not None and self.planned.seconds is not None:
            changed = len(self.planned.lengths) - self.stages
            again = f", planned anew {changed} time{'s' if changed > 1 else ''} on the way" if changed else ""
            talk.say("time", f"{spoken(self.planned.seconds)} of {spoken(self.limit)} to the package{again}")

    def _told(self, pace: Pace, progress: Progress) -> str:
        assert self.limit is not None
        total, length, cost = progress.position.total, progress.length, pace.costs
        epochs = f" ({total / length:.3g} epochs)" if length else ""
        times = -(-total // pace.evaluation.period(total, length))
        each = f"{1e3 * cost.step:.3g} ms a step, {spoken(cost.evaluation)} for each of {times} evaluations"
        return f"{total:,} steps{epochs} fit {spoken(self.limit)}, at {each}; comparing and reporting come on top"

    def _refuse_late(self, pace: Pace, stage: Stage) -> None:
        if self.clock() >= pace.until:
            pace.costs = costs(stage, pace.evaluation.validation, budget=0.0, clock=self.clock)
            raise self._too_short(pace, stage)

    def _too_short(self, pace: Pace, stage: Stage) -> ResourceRefusal:
        assert self.limit is not None
        before = self.clock() - self.begun
        needed = before + pace.costs.begin + FEWEST * pace.costs.step + pace.costs.evaluation + _writing(stage)
        return ResourceRefusal(
            "TIME_LIMIT_TOO_SHORT",
            f"{spoken(self.limit)} are too short: reading, checking and trying took {spoken(before)}, "
            f"{FEWEST} steps and an evaluation take {spoken(needed - before)}",
            where="--time-limit",
            why="nothing could be learned in what is left",
            fix=f"--time-limit {rounded_up(1.2 * needed / AIM)} or more, or a smaller model",
        )


def _writing(stage: Stage) -> float:
    """Seconds that the last checkpoint and the package will take."""
    held = sum(one.numel() * one.element_size() for one in stage.rule.shipped.state_dict().values())
    return 0.1 + held / WRITTEN_PER_SECOND


def _refuse_without_length(stage: Stage) -> None:
    """Raise where a rule itself knows how long it takes."""
    if "steps" in type(stage.rule.settings).model_fields:
        return
    name = stage.rule.declaration.name  # type: ignore[attr-defined]
    raise UsageRefusal(
        "TIME_LIMIT_WITHOUT_STEPS",
        f"the rule {name} takes no steps that could be more or fewer",
        where="--time-limit",
        why="it is done when it is done, and cannot be fitted into a time",
        fix="leave the limit out, or choose a net that learns by steps: --model NAME, --rule backpropagation",
    )
