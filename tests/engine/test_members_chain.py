"""The steps of an ensemble by hand are those of rule `members`, and are left to it where a member's slope is not finite."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.engine.test_dense_chain import SMOOTHED, TOTAL, assert_same, begun, by_program, by_rule, state
from thalweg.core.settings import Choice
from thalweg.engine.members_chain import MembersChain
from thalweg.rules._rule import Context
from thalweg.rules.members import MembersRule, MembersSettings

MEMBERS = 4


def ensemble(*, precision: str = "float64", ahead: bool = True, **changed: Any) -> SimpleNamespace:
    """Rule `members` as it begins, on the task, the net and the batches of a single one."""
    parts = {name: changed.pop(name) for name in ("target", "weighted", "loss", "activation", "dropout") if name in changed}
    one = begun(precision=precision, ahead=ahead, **parts)
    usual = {"members": MEMBERS, "steps": TOTAL, "batch_size": 13, "optimizer": "adam", "rate": 0.01}
    torch.manual_seed(5)
    rule = MembersRule(
        one.rule.task, one.rule.model, MembersSettings.model_validate(usual | changed), Context(precision=precision)
    )
    rule.members.to(torch.float64 if precision == "float64" else torch.float32)
    return SimpleNamespace(rule=rule, batches=one.batches, at=one.at)


def by_hand(run: SimpleNamespace, steps: int, most: int = 64) -> list[float]:
    return by_program(MembersChain, run, steps, most)


VARIANTS = {
    "adam": {},
    "adamw": {"optimizer": Choice(name="adamw", settings={"weight_decay": 0.1})},
    "gelu": {"activation": "gelu"},
    "smoothed": {"loss": SMOOTHED},
    "weighted": {"weighted": True},
    "squared and weighted": {"target": "number", "weighted": True},
    "clipped": {"clip": 0.05},
    "batches as they are gathered": {"ahead": False},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_losses_weights_and_moments_are_those_of_the_rule(name):
    by_ours, by_theirs = (ensemble(**VARIANTS[name]) for _ in range(2))
    assert_same(by_hand(by_ours, 40), by_rule(by_theirs, 40), within=1e-6)
    assert_same(state(by_ours), state(by_theirs), within=1e-9)


@pytest.mark.parametrize("most", [1, 3])
def test_however_steps_are_cut_into_calls_no_bit_changes(most):
    whole, cut = (ensemble(precision="float32") for _ in range(2))
    assert by_hand(whole, 30) == by_hand(cut, 30, most=most)
    assert torch.equal(state(whole), state(cut))


def test_a_member_that_is_not_finite_is_left_to_the_rule():
    run = ensemble()
    chain = MembersChain.of(run.rule, run.batches)
    assert chain.take(run.at, 3).count == 3
    at = run.at.advanced(run.batches.length, 3)
    with torch.no_grad():
        run.rule.members.stacked[-1][1, 0] = torch.inf
    kept = [one.detach().clone() for one in run.rule.members.stacked]
    assert chain.take(at, 3).count == 0
    assert all(map(torch.equal, kept, run.rule.members.stacked))
    assert bool(run.rule.step(run.batches.at(at), at)["finite"])
    moved = [not torch.equal(one[0], before[0]) for one, before in zip(run.rule.members.stacked, kept, strict=True)]
    stood = [torch.equal(one[1], before[1]) for one, before in zip(run.rule.members.stacked, kept, strict=True)]
    assert all(moved)
    assert all(stood)


@pytest.mark.parametrize("reason", [{"dropout": 0.2}, {"optimizer": "rmsprop"}, {"l2": 0.1}])
def test_what_it_cannot_take_it_does_not_take(reason):
    run = ensemble(**reason)
    assert MembersChain.of(run.rule, run.batches) is None
