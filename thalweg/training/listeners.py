"""Listeners: what watches training. Each reads, keeps a state of its own that is checkpointed, and may ask to stop."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from thalweg.core import registry
from thalweg.core.behind import Behind
from thalweg.core.errors import UsageRefusal, did_you_mean
from thalweg.data.batches import Batches
from thalweg.rules._rule import Rule
from thalweg.tasks._task import Task, measured
from thalweg.training.loop import Progress
from thalweg.training.settings import StoppingSettings

EVALUATIONS = 60
"""Evaluations in a stage, at most, unless the user asks for more."""
FEWEST = 5
"""Evaluations that a model's patience lasts, at least: of few epochs each may be the best."""


class Evaluation:
    """Measures what would ship on the validation part, keeps the best weights, and asks to stop when they no longer improve.

    Args:
        every: steps between evaluations; None: each epoch, or a sixtieth of the stage where that is longer.
        record: takes each line of metrics as it comes, the watched one first.
        watched: the metric that tells which weights are best where the user names none; None: the task's first.
        patience: share of all evaluations without improvement after which it asks to stop where the user says nothing.
        noted: what else a line of metrics says of the steps before it.

    Attributes:
        latest: the watched metric when it was last measured.
        best: its best value so far.
        best_at: step and epoch at which it was reached last, whose weights are kept, and the epoch at which it was `first`.
    """

    def __init__(
        self,
        task: Task,
        validation: Batches,
        stopping: StoppingSettings,
        *,
        every: int | None,
        record: Callable[[dict[str, Any]], None],
        watched: str | None = None,
        patience: float | None = None,
        noted: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self.task, self.validation, self.stopping, self.noted = task, validation, stopping, noted
        self.every, self.record, self.patience = every, record, patience
        self.watched = stopping.metric or watched or next(iter(task.metrics))
        _refuse_unknown_metric(task, self.watched)
        self.higher = task.metrics[self.watched].declaration.facts["better"] == "higher"  # type: ignore[attr-defined]
        self.best: float | None = None
        self.latest: float | None = None
        self.best_at: Mapping[str, int] = {}
        self.best_state: dict[str, torch.Tensor] = {}
        self.waited, self.loss, self.seen = 0, 0.0, 0

    def __call__(self, progress: Progress, rule: Rule) -> None:
        for loss in progress.losses:
            if math.isfinite(loss):  # a step that was spared counts for nothing
                self.loss, self.seen = self.loss + loss, self.seen + 1
        if not self._due(progress):
            return
        position = progress.position
        found = measured(self.task, rule.shipped, self.validation, at=position, processes=rule.context.processes)
        line = {
            "stage": position.stage,
            "step": position.step,
            "epoch": position.epoch,
            "loss": self.loss / self.seen if self.seen else None,
        }
        for name in dict.fromkeys((self.watched, *found)):
            line[f"validation.{name}"] = _json(found[name])
        line |= self.noted()
        self.loss, self.seen = 0.0, 0
        self.latest = found[self.watched]
        self._judge(self.latest, position.step, position.epoch, rule)
        progress.history.append(line)
        self.record(line)
        if self.waited >= self._patience(progress):
            progress.stopped = f"no better {titled(self.task.metrics[self.watched])} in {self.waited} evaluations"

    def _patience(self, progress: Progress) -> float:
        """Evaluations without improvement after which training ends: as asked, else the model's share of those of the stage."""
        if self.stopping.patience is not None or self.patience is None:
            return self.stopping.patience or math.inf
        total = progress.position.total
        return max(FEWEST, math.ceil(self.patience * total / self.period(total, progress.length)))

    def due(self, progress: Progress) -> float:
        position = progress.position
        period = self.period(position.total, progress.length)
        return (position.step // period + 1) * period

    def _due(self, progress: Progress) -> bool:
        position = progress.position
        return progress.stop or position.step % self.period(position.total, progress.length) == 0

    def period(self, total: int, length: int | None) -> int:
        """Steps from one evaluation to the next, in a stage of `total` steps and epochs of `length`."""
        if self.every is not None:
            return self.every
        if length is None:
            return max(1, total // EVALUATIONS)
        return length * max(1, -(-total // (length * EVALUATIONS)))

    def _judge(self, value: float | None, step: int, epoch: int, rule: Rule) -> None:
        better = (
            value is not None
            and math.isfinite(value)
            and (self.best is None or (value >= self.best if self.higher else value <= self.best))
        )
        if not better:
            self.waited += 1
            return
        again = value == self.best
        self.waited = self.waited + 1 if again else 0
        first = self.best_at.get("first", epoch) if again else epoch
        self.best, self.best_at = value, {"step": step, "epoch": epoch, "first": first}
        if self.stopping.keep == "best":
            self.best_state = {name: tensor.clone() for name, tensor in rule.shipped.state_dict().items()}

    def restore_best(self, rule: Rule) -> None:
        """Put the best weights into what ships, where they are to be kept."""
        if self.best_state:
            rule.shipped.load_state_dict(self.best_state)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_at": dict(self.best_at),
            "best_state": self.best_state,
            "waited": self.waited,
            "loss": self.loss,
            "seen": self.seen,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        best, at = state["best"], state["best_at"]
        if not isinstance(best, float | int | None):
            raise ValueError("the best value is no number")
        if at and not (at.keys() == {"step", "epoch", "first"} and all(type(one) is int for one in at.values())):
            raise ValueError("the best evaluation is of no known step")
        self.best, self.best_at, self.best_state = best, at, state["best_state"]
        self.waited, self.loss, self.seen = state["waited"], state["loss"], state["seen"]


def _refuse_unknown_metric(task: Task, name: str) -> None:
    if name in task.metrics:
        return
    declared = task.declaration.name  # type: ignore[attr-defined]
    known = registry.names("metric")
    what = f"{declared} is not measured by {name}" if name in known else f'there is no metric named "{name}"'
    raise UsageRefusal(
        "METRIC_NOT_OF_TASK" if name in known else "METRIC_UNKNOWN",
        f"{what}; {did_you_mean(name, task.metrics if name in known else known)}",
        where="stopping.metric",
        why="what is watched decides which weights are kept",
        fix=f"one of {', '.join(task.metrics)}: --set stopping.metric={next(iter(task.metrics))}",
    )


class Completion:
    """Asks to stop when a step reports that it was `finished`: nothing is left to learn (no mistake, nothing moved)."""

    def __call__(self, progress: Progress, rule: Rule) -> None:
        finished = progress.report.get("finished")
        if finished is not None and bool(finished):
            progress.stopped = "nothing is left to learn"

    def due(self, progress: Progress) -> float:
        return math.inf

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""


SPARING = 200
"""Times as long as steps waited for a save that the clock asks for no further one."""


class Checkpointer:
    """Saves the run at steps and at wall-clock intervals; the clock decides when, never what.

    Where a save still goes on, one that the clock asks for waits for a later step, and one that is due at a step is waited for.
    Large states are saved less often by the clock, so that steps lose no more than a two-hundredth of the time to it.

    Args:
        save: begins to write a checkpoint of the present state; steps wait until that is copied.
        behind: does the writing; what that failed with is raised at the next step.
        seconds: between two saves by the clock, at least.
        clock: seconds that pass.
    """

    def __init__(
        self,
        save: Callable[[Progress], None],
        behind: Behind,
        *,
        seconds: float,
        steps: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.save, self.behind, self.seconds, self.steps, self.clock = save, behind, seconds, steps, clock
        self._last, self._between = clock(), seconds

    def __call__(self, progress: Progress, rule: Rule) -> None:
        self.behind.check()
        by_step = self.steps is not None and progress.position.step % self.steps == 0
        now = self.clock()
        if by_step or (now - self._last >= self._between and not self.behind.busy):
            self.save(progress)
            self._last = self.clock()
            self._between = max(self.seconds, SPARING * (self._last - now))

    def due(self, progress: Progress) -> float:
        return math.inf if self.steps is None else (progress.position.step // self.steps + 1) * self.steps

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered: when to save is no part of the result."""


def shown(metric: Any, value: float | None) -> str:  # noqa: ANN401 - a Metric with its declaration
    """A metric's value as people read it: shares in percent, the rest with four figures."""
    if value is None:
        return "undefined"
    share = metric.declaration.facts.get("unit") == "share"
    return f"{100 * value:.1f} %" if share else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def titled(metric: Any) -> str:  # noqa: ANN401 - a Metric with its declaration
    """What people call a metric: `log loss`, `RMSE`."""
    declaration = metric.declaration
    return str(declaration.facts.get("title", declaration.name.replace("-", " ")))


def _json(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
