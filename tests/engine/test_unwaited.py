"""Steps that nobody waits for come to the bits of the rule's own, and one that is not finite halts those behind it.

On a GPU they gain; here each program is built by hand, since `of` gives none on a CPU.
"""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from torch import nn

from tests.engine.test_dense_chain import TOTAL, begun, by_rule, mixed, noisy, sequential, state
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.engine._unwaited import Unwaited, waits_for_nothing
from thalweg.engine.queued import Queued
from thalweg.rules._rule import Rule
from thalweg.training.divergence import Divergence
from thalweg.training.loop import Progress, learn

BAD = (4, 5, 17, 40)
"""Steps whose batches are not finite."""


def normalised() -> nn.Module:
    return sequential(nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.2))


VARIANTS = {
    "adam": {},
    "adamw": {"optimizer": {"name": "adamw", "weight_decay": 0.1}},
    "sgd": {"optimizer": "sgd"},
    "momentum": {"optimizer": "momentum"},
    "nesterov": {"optimizer": {"name": "nesterov", "weight_decay": 0.1}},
    "adagrad": {"optimizer": "adagrad"},
    "muon": {"optimizer": {"name": "muon", "weight_decay": 0.1}},
    "clipped": {"clip": 0.1},
    "penalties": {"l1": 0.01, "l2": 0.1},
    "parts of batches": {"accumulate": 3},
    "average": {"average": 0.95},
    "between an average": {"average": 0.95, "between": 0.5},
    "between": {"between": 0.3},
    "a frozen layer": {"freeze": "head"},
    "lower rates below": {"layer_decay": 0.9},
    "statistics and draws": {"model": normalised, "average": 0.9, "optimizer": "momentum"},
    "augmented": {"augment": [noisy, mixed], "ahead": False},
    "weighted": {"weighted": True},
    "squared": {"target": "number"},
    "float64": {"precision": "float64", "average": 0.9},
    "bfloat16": {"precision": "bfloat16"},
}


def spoilt(batch: Batch, at: Position) -> Batch:
    return batch.having({"x0": batch["x0"] * float("nan")}) if at.step in BAD else batch


def by_program(run: SimpleNamespace, program: Unwaited, steps: int, most: int = 64) -> list[float]:
    """Losses of so many steps; those that the program leaves are the rule's."""
    losses: list[float] = []
    while len(losses) < steps:
        taken = program.take(run.at, min(most, steps - len(losses)))
        losses += taken.losses or by_rule(run, 1)
        run.at = run.at.advanced(run.batches.length, taken.count)
    return losses


def same(one: list[float], other: list[float]) -> bool:
    return torch.equal(torch.tensor(one).nan_to_num(-1.0), torch.tensor(other).nan_to_num(-1.0)) and len(one) == len(other)


@pytest.mark.parametrize("name", VARIANTS)
def test_queued_steps_have_the_bits_of_the_rules_own(name):
    plain, queued = (begun(**VARIANTS[name]) for _ in range(2))
    program = Queued(queued.rule, queued.batches)
    assert waits_for_nothing(queued.rule, queued.batches)
    assert same(by_program(queued, program, 40, most=7), by_rule(plain, 40))
    assert torch.equal(state(queued), state(plain))


@pytest.mark.parametrize("name", ["adam", "momentum", "sgd", "adagrad", "muon", "between an average", "statistics and draws"])
def test_steps_that_are_not_finite_change_nothing_and_neither_do_those_begun_behind_them(name):
    settings = {**VARIANTS[name], "augment": [spoilt], "ahead": False}
    plain, queued = (begun(**settings) for _ in range(2))
    program = Queued(queued.rule, queued.batches)
    assert same(by_program(queued, program, 50, most=9), by_rule(plain, 50))
    assert torch.equal(state(queued), state(plain))


def test_a_step_that_is_not_finite_is_left_to_the_rule_as_it_began():
    plain, queued = (begun(augment=[spoilt], ahead=False) for _ in range(2))
    program = Queued(queued.rule, queued.batches)
    losses = by_program(queued, program, 1) + list(program.take(queued.at, 64).losses)
    by_rule(plain, BAD[0])
    assert len(losses) == BAD[0]
    assert torch.equal(state(queued), state(plain))


@how(max_examples=12)
@given(cuts=st.lists(st.integers(1, 17), min_size=1, max_size=8))
def test_how_steps_are_cut_changes_no_bit(cuts):
    settings: dict[str, Any] = {"average": 0.9, "augment": [spoilt], "ahead": False}
    plain, queued = (begun(**settings) for _ in range(2))
    program, losses = Queued(queued.rule, queued.batches), []
    for size in [*cuts, 50]:
        losses += by_program(queued, program, min(size, 50 - len(losses)), most=size)
    assert same(losses, by_rule(plain, 50))
    assert torch.equal(state(queued), state(plain))


class Told:
    """Hears of every step that was not finite."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.lines: list[str] = []
        self.divergence = Divergence(self.lines.append, most=20)

    def __call__(self, progress: Progress, rule: Rule) -> None:
        self.losses += progress.losses
        if "finite" in progress.report and not bool(progress.report["finite"]):
            self.steps.append(progress.position.step - 1)
        self.divergence(progress, rule)

    def due(self, progress: Progress) -> float:
        return float("inf")

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Any) -> None:
        pass


def test_the_loop_tells_of_such_steps_as_it_does_without():
    plain, queued = (begun(augment=[spoilt], ahead=False, average=0.9) for _ in range(2))
    told = []
    for run, program in ((plain, None), (queued, Queued(queued.rule, queued.batches))):
        told.append(Told())
        learn(run.rule, run.batches, Progress(run.at, run.batches.length), [told[-1]], program)
    assert told[0].steps == told[1].steps == list(BAD)
    assert told[0].lines == told[1].lines != []
    assert len(told[0].losses) == TOTAL
    assert same(told[0].losses, told[1].losses)
    assert torch.equal(state(queued), state(plain))


OTHERS = {
    "a line search": {"optimizer": "lbfgs"},
    "an optimizer that cannot halt": {"optimizer": "rmsprop"},
    "losses that are scaled": {"precision": "float16"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_must_look_at_each_step_is_left_to_the_rule(name):
    run = begun(**OTHERS[name])
    assert not waits_for_nothing(run.rule, run.batches)


def test_on_a_cpu_no_program_is_offered_that_would_gain_nothing():
    run = begun()
    assert waits_for_nothing(run.rule, run.batches)
    assert Queued.of(run.rule, run.batches) is None


def test_the_rate_stands_as_the_last_step_had_it():
    run = begun(schedule="cosine")
    by_program(run, Queued(run.rule, run.batches), 30)
    last = run.rule.descent.rates(Position(total=TOTAL).advanced(run.batches.length, 29))
    assert [group["lr"] for group in run.rule.descent.optimizer.param_groups] == last
