"""Trials: what a step and an evaluation cost, measured on the run's own net and data; nothing that was learned stays."""

import copy
import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch

from thalweg.core.exhaustion import Attempt
from thalweg.core.position import Position, seed_from
from thalweg.data.batches import Batches
from thalweg.engine.program import Program, Taken
from thalweg.tasks._task import measured_rows
from thalweg.training.stage import Stage

T = TypeVar("T")
Clock = Callable[[], float]
"""Seconds from some beginning."""
WARM = 2
"""Steps that count for nothing: memory is found, caches fill."""
LEAST, MOST = 2, 4096
"""Steps that are timed, at least and at most."""


@dataclass(frozen=True)
class Costs:
    """Seconds that things take.

    Attributes:
        begin: the rule's beginning, where it is taken over from the trial.
        evaluation: one over all validation rows.
    """

    begin: float
    step: float
    evaluation: float


@contextmanager
def taken_back(stage: Stage) -> Iterator[None]:
    """What is learned and remembered within is forgotten afterwards, also where something raises."""
    rule, batches = stage.rule, stage.batches
    kept = copy.deepcopy((rule.state_dict(), batches.state_dict()))
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            rule.load_state_dict(kept[0])
            batches.load_state_dict(kept[1])


def within_memory(stage: Stage, act: Callable[[], T]) -> T:
    """What comes of steps: where memory is refused them they are tried again, as the run will: plainly, then in more parts.

    Raises:
        ResourceRefusal: the rule cannot split its batches, or a part is one row already.
    """
    attempt, at = Attempt(), stage.progress.position
    while True:
        with attempt:
            return act()
        if stage.plan.program and not stage.progress.plainly:
            stage.progress.plainly = True
        else:
            stage.rule.split_further(stage.batches.at(at), at)


def costs(stage: Stage, validation: Batches, *, budget: float, clock: Clock = time.perf_counter) -> Costs:
    """What a stage's steps and evaluations cost, within about so many seconds; all processes find the first one's numbers."""
    share = stage.rule.context.processes.share
    with taken_back(stage):
        stage.begin(once_more=True)
        first = clock()
        stage.begin(once_more=True)
        begin = clock() - first
        step = within_memory(stage, lambda: _step(stage, budget * 2 / 3, clock))
        evaluation = _evaluation(stage, validation, budget / 3, clock)
    found: list[float] = share([begin, step, evaluation])
    return Costs(*found)


def steps_on(stage: Stage, first: int, count: int, program: Program | None = None) -> list[float]:
    """Take steps as the run will, and give their losses; what the listeners would hear else is lost."""
    at, losses = stage.progress.position.advanced(stage.progress.length, first), list[float]()
    while len(losses) < count:
        taken = program.take(at, count - len(losses)) if program is not None else Taken(0)
        losses += taken.losses if taken.count else [one_step(stage, at)]
        at = at.advanced(stage.progress.length, taken.count or 1)
    return losses


def one_step(stage: Stage, at: Position) -> float:
    """One step as the run will take it; its loss."""
    seed_from(at)
    report = stage.rule.step(stage.batches.at(at), at)
    return float(report.get("loss", float("nan")))  # waits for the device


def _step(stage: Stage, budget: float, clock: Clock) -> float:
    """Seconds of a step: rounds that double until the time is up, of which the last one counts.

    Where one step takes longer than all of them may, the last of those that warm up counts.
    """
    share, each, program = stage.rule.context.processes.share, 0.0, stage.program()
    for one in range(WARM):
        first = clock()
        steps_on(stage, one, 1, program)
        each = clock() - first
    if share(each > budget):
        return each
    done, count, began = WARM, LEAST, clock()
    while True:
        first = clock()
        steps_on(stage, done, count, program)
        each = (clock() - first) / count
        if share(clock() - began + 2 * count * each > budget or 2 * count > MOST):
            return each
        done, count = done + count, 2 * count


def _evaluation(stage: Stage, validation: Batches, budget: float, clock: Clock) -> float:
    """Seconds of an evaluation, from as many of its batches as the time allows."""
    at = dataclasses.replace(stage.progress.position, path=("trial",))
    began, ends = clock(), list[float]()
    for _ in measured_rows(stage.task, stage.rule.shipped, validation, at=at):
        ends.append(clock() - began)
        if ends[-1] > budget:
            break
    each = (ends[-1] - ends[0]) / (len(ends) - 1) if len(ends) > 1 else sum(ends)  # the first one warms up
    return each * (validation.length or len(ends))
