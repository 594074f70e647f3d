"""Chains of dense layers at once, by hand: each comes to what it comes to alone, on its own rows, by its own rate and decay."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from torch import nn

from tests.engine.test_dense_chain import SMOOTHED, assert_same, begun, by_rule, columns, sequential, state
from thalweg.core.settings import Choice
from thalweg.engine._chains_together import ChainsTogether
from thalweg.engine._several import Several, together
from thalweg.training.loop import Progress, learn

STEPS = 40


def adamw(decay: float) -> Choice:
    return Choice(name="adamw", settings={"weight_decay": decay})


ALIKE = [{}, {}, {}]
VARIANTS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "seeds alone": ({}, ALIKE),
    "adamw": ({"optimizer": adamw(0.1)}, ALIKE),
    "gelu": ({"activation": "gelu"}, ALIKE),
    "smoothed": ({"loss": SMOOTHED}, ALIKE),
    "weighted": ({"weighted": True}, ALIKE),
    "average": ({"average": 0.95, "between": 0.5}, ALIKE),
    "squared and weighted": ({"target": "number", "weighted": True}, ALIKE),
    "linear alone": ({"model": lambda: nn.Sequential(nn.Linear(6, 3))}, ALIKE),
    "no bias": ({"model": lambda: sequential(nn.ReLU(), nn.Linear(9, 9, bias=False))}, ALIKE),
    "batches as they are gathered": ({"ahead": False}, ALIKE),
    "rates of their own": ({}, [{"rate": 0.01}, {"rate": 0.03}, {"rate": 0.01, "schedule": "constant"}]),
    "decays of their own": ({}, [{"optimizer": adamw(one)} for one in (0.0, 0.1, 0.5)]),
    "clipped each": ({}, [{"clip": 0.05}, {}, {"clip": 0.2}]),
}


def runs(common: dict[str, Any], own: list[dict[str, Any]], **more: Any) -> list[SimpleNamespace]:
    return [begun(**{"precision": "float64", **common, **one, **more}, seed=seed) for seed, one in enumerate(own)]


def rows_of_their_own(**more: Any) -> list[SimpleNamespace]:
    """Runs on data of their own, not equally many, cut into as many batches."""
    sizes = (150, 148, 143)
    data = [columns("category", weighted=bool(more.get("weighted")), rows=size, seed=i) for i, size in enumerate(sizes)]
    return [begun(precision="float64", seed=seed, data=one, **more) for seed, one in enumerate(data)]


def program_of(some: list[SimpleNamespace]) -> tuple[Several, ChainsTogether | None]:
    found = together([one.rule for one in some], [one.at.seed for one in some], [one.batches for one in some])
    assert found is not None
    return found[0], ChainsTogether.of(*found)


def at_once(some: list[SimpleNamespace], steps: int = STEPS, most: int = 64) -> list[list[float]]:
    """The losses of each run."""
    several, program = program_of(some)
    assert program is not None
    at, losses = some[0].at, []
    while len(losses) < steps:
        taken = program.take(at, min(most, steps - len(losses)))
        assert taken.count == len(several.losses) == len(taken.losses) > 0
        losses += several.losses.tolist()
        at = at.advanced(program.batches.length, taken.count)
    return [list(one) for one in zip(*losses, strict=True)]


def assert_as_alone(some: list[SimpleNamespace], same: list[SimpleNamespace]) -> None:
    for losses, ours, alone in zip(at_once(some), some, same, strict=True):
        assert_same(losses, by_rule(alone, STEPS), within=1e-6)  # the rule's are reported in float32
        assert_same(state(ours), state(alone), within=1e-9)


@pytest.mark.parametrize("name", VARIANTS)
def test_losses_weights_moments_and_averages_are_those_of_each_alone(name):
    assert_as_alone(runs(*VARIANTS[name]), runs(*VARIANTS[name]))


@pytest.mark.parametrize("weighted", [False, True])
def test_each_learns_from_rows_of_its_own(weighted):
    some = rows_of_their_own(weighted=weighted)
    assert len({len(one.batches.rows) for one in some}) > 1
    assert_as_alone(some, rows_of_their_own(weighted=weighted))


@how(max_examples=8)
@given(most=st.integers(1, 30))
def test_however_steps_are_cut_into_calls_no_bit_changes(most):
    whole, cut = (runs({"precision": "float32"}, ALIKE) for _ in range(2))
    assert at_once(whole) == at_once(cut, most=most)
    assert all(torch.equal(state(one), state(other)) for one, other in zip(whole, cut, strict=True))


def test_some_end_and_the_others_go_on():
    some, same = (runs({}, ALIKE) for _ in range(2))
    several, program = program_of(some)
    first = program.take(some[0].at, 4)
    assert first.count == 4
    kept, ended = state(some[1]), some[1].rule.descent.parameters[0]
    several.runs = [several.runs[0], several.runs[2]]
    assert program.take(some[0].at.advanced(program.batches.length, 4), 3).count == 3
    assert several.losses.shape == (3, 2)
    assert torch.equal(state(some[1]), kept)
    assert ended.untyped_storage().nbytes() == ended.numel() * ended.element_size(), "nothing of the others is held"
    for ours, alone, steps in zip(some, same, (7, 4, 7), strict=True):
        by_rule(alone, steps)
        assert_same(state(ours), state(alone), within=1e-9)


def test_a_step_that_is_not_finite_is_left_to_the_rules():
    some = rows_of_their_own()
    several, program = program_of(some)
    assert program.take(some[0].at, 3).count == 3
    at, broken = some[0].at.advanced(program.batches.length, 3), some[1].rule
    with torch.no_grad():
        broken.descent.parameters[-1][0] = torch.inf
    kept = state(some[1])
    assert program.take(at, 4).count == 0
    assert torch.equal(state(some[1]).nan_to_num(posinf=0), kept.nan_to_num(posinf=0))
    several.step(program.batches.at(at), at)
    assert [bool(one["finite"]) for one in several.reports] == [True, False, True]


def test_the_loop_hands_over_what_a_program_leaves():
    some = runs({}, ALIKE)
    several, program = program_of(some)
    with torch.no_grad():
        some[1].rule.descent.parameters[-1][0] = torch.inf
    progress = Progress(some[0].at, program.batches.length)
    progress.take_in_all(6)
    learn(several, program.batches, progress, [], program)
    assert progress.position.step == 6
    assert all(torch.isfinite(state(one)).all() for one in (some[0], some[2]))


UNFIT = {
    "dropout": {"dropout": 0.3},
    "another optimizer": {"optimizer": "rmsprop"},
    "penalties": {"l2": 0.1},
    "parts of a batch": {"accumulate": 2},
}


@pytest.mark.parametrize("reason", UNFIT)
def test_what_it_cannot_take_it_does_not_take(reason):
    assert program_of(runs(UNFIT[reason], ALIKE[:2]))[1] is None


def test_nets_that_differ_are_not_taken():
    assert program_of(runs({}, [{"activation": "relu"}, {"activation": "tanh"}]))[1] is None
    assert program_of(runs({}, [{"loss": SMOOTHED}, {}]))[1] is None
