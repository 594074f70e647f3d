"""Telling: what a run says of its data, of what will learn, of how it goes and of what that came to."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from thalweg.core.device import IMITATED, has_bfloat16, times_as_long
from thalweg.core.talk import Talk
from thalweg.data.dataset import PARTS, Dataset
from thalweg.rules._rule import Context, Rule, RuleSettings
from thalweg.training.listeners import Evaluation, shown, titled
from thalweg.training.loop import Progress
from thalweg.training.preset import lasting
from thalweg.training.settings import StoppingSettings
from thalweg.training.stage import Stage

PAUSE_SECONDS = 0.1
FEW = 10
"""Validation rows below which one right or wrong moves a share by more than ten points."""


def tell_data(talk: Talk, dataset: Dataset) -> None:
    """What was read, what was inferred of it, and how it was cut."""
    first, *rest = dataset.notes or [_drawn(dataset)]
    talk.say("data", f"{dataset.name} · {first}", *filter(None, rest))


def _drawn(dataset: Dataset) -> str:
    held = " · ".join(f"{dataset.rows(part):,} {part}" for part in PARTS[1:] if dataset.rows(part))
    return f"drawn anew at every step; held out: {held}"


def tell_model(talk: Talk, stage: Stage, context: Context) -> None:
    """What will learn, how and on what, each with the flag that changes it."""
    name = stage.named.get("name") or stage.named.get("class")
    why, how = stage.reasons["model"], stage.choices["rule"]
    learned = f"{name}, {_count(stage.rule)} parameters: {why}" + ("" if why == "as asked" else "; another: --model NAME")
    where = "CPU" if context.device.type == "cpu" else str(context.device)
    threads = f", {torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}" if where == "CPU" else ""
    processes = f", {context.processes.world} processes" if context.processes.world > 1 else ""
    varied = f"seen with {stage.reasons['augment']}; as they are: --augment none" if "augment" in stage.reasons else ""
    talk.say(
        "model",
        learned,
        f"by {how.name}{_settings(stage, how.settings)} on {where}{threads}{processes}, {context.precision}",
        *filter(None, [varied]),
        *stage.task.notes,
        *stage.rule.notes,
    )
    talk.say("preset", stage.reasons["preset"])


def few_to_choose(stage: Stage, stopping: StoppingSettings) -> str:
    """A sentence where the weights to keep are told by a handful of validation rows; empty elsewhere."""
    rows = stage.dataset.rows("validation")
    if not rows or rows >= FEW or stopping.keep != "best" or not stage.progress.position.total:
        return ""
    few = "one validation row tells" if rows == 1 else f"{rows} validation rows tell"
    return (
        f"{few} little of which weights are best, so those kept are so by luck; the last: --set stopping.keep=last; "
        "to learn for a shorter time: --epochs N or --patience N"
    )


def slow_precision(context: Context) -> str:
    """A sentence where the device has no instructions for the precision that was asked for; empty elsewhere."""
    precision, device = context.precision, context.device
    if precision not in ("bfloat16", "float16"):
        return ""
    times = times_as_long(device, precision)
    if times < IMITATED:
        return ""
    other = "bfloat16 or float32" if precision == "float16" and has_bfloat16(device) else "float32"
    where = "this processor" if device.type == "cpu" else str(device)
    return (
        f"{where} has no instructions for {precision} and imitates it: products take about {times:.0f} times as long as in "
        f"float32, and give what it would; faster: --precision {other}"
    )


def tell_stage(talk: Talk, stage: Stage, *, stages: int) -> None:
    """What a further stage changes: on how many rows it learns, and how."""
    rows, how = stage.dataset.rows("train"), stage.choices["rule"]
    told = lasting(stage.progress.position.total, stage.progress.position.total, stage.progress.length)
    number = f"{stage.progress.position.stage + 1} of {stages}"
    on = f", on {rows:,} rows" if rows is not None else ""
    first = f"{number}: {told or 'from all rows at once'}{on}, by {how.name}{_settings(stage, how.settings)}"
    talk.say("stage", first, *stage.rule.notes)


def tell_resumed(talk: Talk, progress: Progress, checkpoint: Path) -> None:
    """Where a run that was cut short goes on."""
    position = progress.position
    stage = f"stage {position.stage + 1}, " if position.stage else ""
    talk.say("resume", f"resumed at {stage}step {position.step:,} of {position.total:,} from checkpoint {checkpoint}")


def _count(rule: Rule) -> str:
    number = sum(one.numel() for one in rule.shipped.parameters())
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number:,}"


def _settings(stage: Stage, given: Mapping[str, Any]) -> str:
    """What the rule was told beyond its defaults, and the batch size that it really has."""
    told = {key: value for key, value in given.items() if isinstance(value, int | float | str)}
    settings, rows = stage.rule.settings, stage.dataset.rows("train")
    if isinstance(settings, RuleSettings) and rows is not None and settings.batch_size > rows and "batch_size" in told:
        told["batch_size"] = f"{rows:,} (all there are, {settings.batch_size:,} asked)"
    shown = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in told.items())
    return f" ({shown})" if shown else ""


class ProgressLine:
    """A listener that keeps one line on how training goes, with its rate and the time left; and says what it came to."""

    def __init__(self, evaluation: Evaluation, talk: Talk) -> None:
        self.evaluation, self.talk = evaluation, talk
        self._begun = self._told = time.monotonic()
        self._first: int | None = None

    def __call__(self, progress: Progress, rule: Rule) -> None:
        if self._first is None:
            self._first = progress.position.step - len(progress.losses)
        now = time.monotonic()
        if now - self._told < PAUSE_SECONDS:
            return
        self._told = now
        position = progress.position
        spent, done = now - self._begun, max(position.step - self._first, 1)
        left = spent / done * (position.total - position.step)
        told = [where(progress), self._figures(), rate(done / spent, rule), f"{_clock(left)} left"]
        self.talk.live("learn", "  ".join(filter(None, told)), position.step / max(position.total, 1))

    def due(self, progress: Progress) -> float:
        return math.inf

    def _figures(self) -> str:
        evaluation = self.evaluation
        if evaluation.best is None:
            return ""
        metric = evaluation.task.metrics[evaluation.watched]
        latest, best = shown(metric, evaluation.latest), shown(metric, evaluation.best)
        return f"validation {titled(metric)} {latest}, best {best}{_at(evaluation.best_at)}"

    def conclude(self, progress: Progress) -> None:
        """One line of what the stage came to; steps and seconds are those of this process."""
        first = self._first if self._first is not None else progress.position.step
        spent, done = time.monotonic() - self._begun, progress.position.step - first
        stopped = f"stopped: {progress.stopped}" if progress.stopped else ""
        took = f"{done:,} steps in {_clock(spent)}" if done else "nothing was left to do"
        at = where(progress)
        if not progress.position.total:  # a rule that takes no steps learned before the first
            at, took = "from all rows at once", ""
        self.talk.say("learn", " · ".join(filter(None, [at, self._figures(), stopped, took])))

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered: how long it took is no part of the result."""


def where(progress: Progress) -> str:
    """Epoch or step, of how many."""
    position, length = progress.position, progress.length
    if length is None:
        return f"step {position.step:,} of {position.total:,}"
    return f"epoch {-(-position.step // length):,} of {-(-position.total // length):,}"


def rate(steps_per_second: float, rule: Rule) -> str:
    """Rows per second, or steps where batches have no size of their own."""
    settings = rule.settings
    rows = steps_per_second * settings.batch_size if isinstance(settings, RuleSettings) else steps_per_second
    unit = "rows/s" if isinstance(settings, RuleSettings) else "steps/s"
    return f"{rows / 1e3:.0f} k {unit}" if rows >= 1e4 else f"{rows:,.0f} {unit}"


def _at(best: Mapping[str, int]) -> str:
    """The epoch of the best value; where it was reached more than once, the first and the last."""
    if not best.get("epoch"):
        return ""
    first = best.get("first", best["epoch"])
    return f" ({first})" if first == best["epoch"] else f" ({first}, again {best['epoch']})"


def _clock(seconds: float) -> str:
    """2.1 s, 0:31, 1:02:03."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
