"""Captured steps come to what the rule's own come to, from a recording in which no line of Python is called again.

A GPU keeps a graph of kernels; here a tape of operations stands for it, which holds the same tensors and asks nobody.
"""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.engine.tape import taped
from tests.engine.test_dense_chain import assert_same, begun, by_rule, sequential, state
from tests.engine.test_unwaited import BAD, OTHERS, VARIANTS, by_program, spoilt
from thalweg.contracts.example import toy
from thalweg.contracts.subject import registered
from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.settings import Choice
from thalweg.engine import captured
from thalweg.engine.captured import Captured, may_be_captured

MODELS = [
    name for name, part in sorted(registry.parts("model").items()) if part.facts.get("capturable") and part.variant_of is None
]


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "recorded", taped)


@pytest.mark.parametrize("name", VARIANTS)
def test_captured_steps_are_those_of_the_rule_up_to_rounding(name):
    plain, fast = (begun(**VARIANTS[name]) for _ in range(2))
    assert may_be_captured(fast.rule, fast.batches)
    losses = by_program(fast, Captured(fast.rule, fast.batches), 40, most=7)
    assert_same(losses, by_rule(plain, 40), within=1e-5)
    assert_same(state(fast), state(plain), within=1e-5)


def test_without_a_recording_the_steps_are_the_same(monkeypatch):
    monkeypatch.undo()
    plain, fast = (begun(average=0.9) for _ in range(2))
    assert_same(by_program(fast, Captured(fast.rule, fast.batches), 40), by_rule(plain, 40), within=1e-5)
    assert_same(state(fast), state(plain), within=1e-5)


@pytest.mark.parametrize("name", ["adam", "between an average", "statistics and draws"])
def test_steps_that_are_not_finite_halt_a_recording_and_are_the_rules(name):
    settings = {**VARIANTS[name], "augment": [spoilt], "ahead": False}
    plain, fast = (begun(**settings) for _ in range(2))
    losses, expected = by_program(fast, Captured(fast.rule, fast.batches), 50, most=9), by_rule(plain, 50)
    bad = [step for step, loss in enumerate(losses) if loss != loss]
    assert bad == list(BAD)
    assert_same(torch.tensor(losses).nan_to_num(), torch.tensor(expected).nan_to_num(), within=1e-5)
    assert_same(state(fast), state(plain), within=1e-5)


@pytest.fixture(scope="module")
def uncut() -> tuple[list[float], Tensor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captured, "recorded", taped)
        run = begun(average=0.9, model=lambda: sequential(nn.Dropout(0.2)))
        return by_program(run, Captured(run.rule, run.batches), 40), state(run)


@how(max_examples=6)
@given(cuts=st.lists(st.integers(1, 13), min_size=1, max_size=6))
def test_how_steps_are_cut_changes_no_bit(uncut, cuts):
    run, losses = begun(average=0.9, model=lambda: sequential(nn.Dropout(0.2))), []
    program = Captured(run.rule, run.batches)
    for size in [*cuts, 40]:
        losses += by_program(run, program, min(size, 40 - len(losses)), most=size)
    assert losses == uncut[0]
    assert torch.equal(state(run), uncut[1])


def test_a_state_that_was_loaded_meanwhile_is_recorded_anew():
    plain, fast = (begun() for _ in range(2))
    program = Captured(fast.rule, fast.batches)
    by_program(fast, program, 20)
    by_rule(plain, 20)
    for run in (plain, fast):
        run.rule.load_state_dict({**run.rule.state_dict(), "model": begun().rule.state_dict()["model"]})
    assert_same(by_program(fast, program, 20), by_rule(plain, 20), within=1e-5)
    assert_same(state(fast), state(plain), within=1e-5)


class Doubting(nn.Sequential):
    """Goes one way or another by what it was given."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if bool(x.sum() > 0) else -x)


def test_a_net_that_goes_by_what_it_sees_is_not_recorded_and_nothing_has_changed():
    run = begun(model=lambda: Doubting(*sequential(nn.ReLU())))
    by_rule(run, 1)
    before = state(run)
    assert not may_be_captured(run.rule, run.batches)
    with pytest.raises(UsageRefusal) as caught:
        Captured(run.rule, run.batches).take(run.at, 4)
    assert caught.value.code == "SPEED_NOT_CAPTURABLE"
    assert "_local_scalar_dense" in caught.value.what
    assert torch.equal(state(run), before)


def test_a_loss_whose_weights_come_from_the_host_is_not_recorded():
    run = begun(loss=Choice(name="cross-entropy", settings={"class_weights": (1.0, 2.0, 0.5)}))
    by_rule(run, 1)
    with pytest.raises(UsageRefusal, match="lift_fresh"):
        Captured(run.rule, run.batches).take(run.at, 4)


def hooked() -> nn.Module:
    net = sequential(nn.ReLU())
    net[0].register_forward_hook(lambda module, given, answer: 2 * answer)
    return net


@pytest.mark.parametrize("settings", [*OTHERS.values(), {"model": hooked}, {"loss": Choice(name="focal")}])
def test_what_does_not_say_that_it_may_be_captured_is_not(settings):
    run = begun(**settings)
    assert not may_be_captured(run.rule, run.batches)
    assert Captured.of(run.rule, run.batches) is None


@pytest.mark.parametrize("name", MODELS)
def test_models_that_say_so_are_captured_and_learn_the_same(name):
    made = toy(registered(name))
    runs = []
    for program in (None, Captured):
        rule = made.rule(made.model(), "backpropagation", optimizer="momentum", rate=0.01, steps=12)
        batches = rule.batches(made.dataset)
        run = SimpleNamespace(rule=rule, batches=batches, at=Position(total=12))
        rule.begin(batches, run.at)
        assert may_be_captured(rule, batches)
        runs.append(by_rule(run, 8) if program is None else by_program(run, program(rule, batches), 8))
    assert_same(runs[1], runs[0], within=1e-4)


@pytest.mark.parametrize("ahead", [True, False])
def test_both_sizes_of_batches_are_recorded_before_the_first_is_taken(ahead):
    run = begun(ahead=ahead)
    by_rule(run, 1)
    program = Captured(run.rule, run.batches)
    program.take(run.at, 1)
    assert {place.read().size for place, _ in program.graphs.values()} == {12, 13}
