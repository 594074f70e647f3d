"""The profiles of a run's stages: clocked while they learn, counted when they have, told and kept."""

from pathlib import Path
from typing import Any

from thalweg.core.errors import Refusal
from thalweg.core.machine import Peak, peak
from thalweg.core.talk import Talk
from thalweg.data.catalogue import cache
from thalweg.rules._rule import RuleSettings
from thalweg.training.profile import EVERY, OFTEN, Profile
from thalweg.training.profile_telling import lines_of, profiled, reached, spent_on
from thalweg.training.profile_work import Work, counted
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Stage

WORTH_COUNTING = 50
"""Steps of a stage from which one more, to count its operations, costs next to nothing."""
WORTH_MEASURING = 3.0
"""Seconds of a stage from which measuring the machine, where it was not measured before, costs next to nothing."""


class Profiling:
    """Profiles the stages of a run.

    Attributes:
        found: the profile of the stage that took longest, as JSON values; None while there is none.
    """

    def __init__(self, settings: RunSettings, talk: Talk) -> None:
        self.settings, self.talk = settings, talk
        self.found: dict[str, Any] | None = None

    def of(self, stage: Stage) -> Profile:
        """A clock for a stage that is about to learn."""
        return Profile(stage.rule, stage.batches, stage.progress, every=OFTEN if self.settings.profile else EVERY)

    def conclude(self, stage: Stage, profile: Profile) -> None:
        """Count what a step does, say how fast the stage was, and keep it."""
        spent, asked, context = profile.spent, self.settings.profile, stage.rule.context
        steps = spent.steps
        if not steps or context.processes.rank:
            return
        work = self._work(stage, steps)
        found = profiled(
            spent,
            work,
            self._peak(stage, spent.seconds, (work.flops or 0) * steps / spent.stepping),
            rows=_rows(stage),
            stage=stage.progress.position.stage,
            program=stage.plan.program or None,
            plain=self.settings.speed == "plain",
        )
        if asked:
            self.talk.say("profile", *lines_of(found))
        else:
            self.talk.say("speed", f"{reached(found)}; {spent_on(found)}")
        if self.found is None or found["seconds"] > self.found["seconds"]:
            self.found = found

    def _work(self, stage: Stage, steps: int) -> Work:
        if not self.settings.profile and steps < WORTH_COUNTING:
            return Work()
        if stage.rule.context.processes.world > 1:
            return Work(why="several processes share a step")
        progress = stage.progress
        at = progress.at
        batch = progress.batch if progress.batch is not None or at is None else stage.batches.at(at)
        try:
            return counted(stage.rule, batch, at, kernels=self.settings.profile)
        except Exception as error:  # noqa: BLE001 - a training that is done does not fail because a net cannot be watched
            return Work(why=f"this net cannot be watched while it is called ({type(error).__name__}: {error})")

    def _peak(self, stage: Stage, seconds: float, reached: float) -> Peak | None:
        """The machine's peak: measured where that is worth it, else as remembered."""
        context = stage.rule.context
        worth = self.settings.profile or seconds >= WORTH_MEASURING
        return peak(context.device, context.precision, kept=_kept(), measure=worth, reached=reached)


def _kept() -> Path | None:
    """The folder in which the machine's peak is remembered; None where there is no place for it."""
    try:
        return cache("machine")
    except Refusal:
        return None


def _rows(stage: Stage) -> float | None:
    """Rows of a step on average; None where batches have no size."""
    rows, length, settings = stage.dataset.rows("train"), stage.progress.length, stage.rule.settings
    if rows is not None and length:
        return rows / length
    return float(settings.batch_size) if isinstance(settings, RuleSettings) else None
