"""Steps in more parts than were asked for, since memory was refused: said in one line, and done alike on resume."""

import math
from collections.abc import Mapping
from typing import Any

from thalweg.core.talk import Talk
from thalweg.rules._rule import Rule
from thalweg.training.loop import Progress
from thalweg.training.planned import Planned
from thalweg.training.stage import Stage

PARTS = "parts"
"""In what a run decided: the steps from which on batches were taken in more parts, or without a program."""


class InParts:
    """Notes in the run's plan from which step on batches are split further, and splits them there when the run goes on.

    The step is part of the plan so that a resumed run ends with the same bits, however much memory it has.
    """

    def __init__(self, stage: Stage, planned: Planned, talk: Talk) -> None:
        self.stage, self.planned, self.talk = stage, planned, talk
        self._now = self._state(stage.rule, stage.progress)
        if planned.resumed:
            self._repeat(stage.rule, stage.progress)

    def __call__(self, progress: Progress, rule: Rule) -> None:
        now = self._state(rule, progress)
        if now != self._now:
            first = progress.position.step - 1 if progress.at is None else progress.at.step
            self._note(now, first, progress)
        self._repeat(rule, progress)

    def due(self, progress: Progress) -> float:
        step, stage = progress.position.step, progress.position.stage
        return min(
            (one["step"] for one in self._decided() if (one["stage"], one["step"] > step) == (stage, True)), default=math.inf
        )

    def state_dict(self) -> dict[str, Any]:
        return self._state(self.stage.rule, self.stage.progress)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._take(self.stage.rule, self.stage.progress, state)

    @staticmethod
    def _state(rule: Rule, progress: Progress) -> dict[str, Any]:
        return {"parts": rule.parts, "plainly": progress.plainly}

    def _decided(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.planned.found.get(PARTS, [])
        return found

    def _note(self, now: dict[str, Any], first: int, progress: Progress) -> None:
        before, self._now = self._now, now
        self.planned.found[PARTS] = [*self._decided(), {"stage": progress.position.stage, "step": first, **now}]
        self.planned.write()
        if now["parts"] > before["parts"]:
            rows = f" of {progress.batch.size:,} rows" if progress.batch is not None else ""
            self.talk.warn(
                f"memory ran out in step {first + 1:,}: from there on each batch{rows} is taken in {now['parts']} parts, "
                f"one after another, and learns the same; to begin so: --set rule.accumulate={now['parts']}"
            )
        elif now["plainly"]:
            self.talk.warn(
                f"memory ran out for {self.stage.plan.told} in step {first + 1:,}: from there on steps are plain ones"
            )

    def _repeat(self, rule: Rule, progress: Progress) -> None:
        """What was decided at this step before the run was cut short."""
        for one in self._decided():
            if (one["stage"], one["step"]) == (progress.position.stage, progress.position.step):
                self._take(rule, progress, one)

    def _take(self, rule: Rule, progress: Progress, state: Mapping[str, Any]) -> None:
        if state.get("parts", 1) > rule.parts:
            rule.take_in(state["parts"])
        progress.plainly = progress.plainly or bool(state.get("plainly"))
        self._now = self._state(rule, progress)
