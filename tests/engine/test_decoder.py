"""The decoder by hand takes the steps that the rule takes, in one lane or several, and knows what it cannot take."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.engine.test_dense_chain import assert_same, by_program, by_rule, numbers
from tests.engine.test_multiplied import onednn
from tests.training.resuming import assert_resumes_to_the_same_bits
from thalweg.core import registry
from thalweg.core.lanes import lanes
from thalweg.core.position import Position
from thalweg.core.settings import Choice
from thalweg.data.running_text import RunningText
from thalweg.engine import _decoder_pass, decoder
from thalweg.engine._multiplied import by_onednn
from thalweg.engine.decoder import DecoderProgram
from thalweg.rules._rule import Context
from thalweg.rules.backpropagation import Backpropagation, BackpropagationSettings

TOTAL, CONTEXT = 60, 6
TEXT = "the quick brown fox jumps over the lazy dog, and the dog sleeps. " * 3


def begun(*, count: int = 1, precision: str = "float64", model: str = "gpt-char", **given: Any) -> SimpleNamespace:
    """Backpropagation as it begins on a running text, with batches of five windows at most.

    Args:
        count: lanes.
        given: settings of the net, those of the rule under `rule`, and `loss`.
    """
    settings, loss = given.pop("rule", {}), given.pop("loss", None)
    dtype = torch.float64 if precision == "float64" else torch.float32
    dataset = RunningText("foxes", {"train": TEXT, "validation": TEXT[:20]}, CONTEXT).to("cpu", dtype)
    made = registry.settings_of("task", "language-modelling", {} if loss is None else {"loss": loss})
    task = registry.load("task", "language-modelling")(dataset.encodings, made)
    torch.manual_seed(1)
    shape = registry.settings_of("model", model, {"layers": 2, "width": 12, "heads": 3} | given)
    net = registry.load("model", model)(task.ports, shape).to(dtype)
    with torch.no_grad():
        for one in net.parameters():  # so that no slope is small
            one.mul_(10.0) if one.dim() > 1 else one.add_(0.3 * torch.randn_like(one))
    task.bind(net)
    usual = {"steps": TOTAL, "batch_size": 5, "optimizer": "adam", "rate": 0.003}
    rule = Backpropagation(task, net, BackpropagationSettings.model_validate(usual | settings), Context(precision=precision))
    batches, at = rule.batches(dataset, []), Position(total=TOTAL)
    rule.begin(batches, at)
    rule.lanes = lanes(count) if count > 1 else None
    return SimpleNamespace(rule=rule, batches=batches, at=at)


def by_hand(run: SimpleNamespace, steps: int, most: int = 7) -> list[float]:
    return by_program(DecoderProgram, run, steps, most)


SMOOTHED = Choice(name="cross-entropy", settings={"label_smoothing": 0.1})
VARIANTS: dict[str, dict[str, Any]] = {
    "gpt-char": {},
    "untied": {"tied": False},
    "no scales": {"learned_scales": False},
    "relu": {"activation": "relu"},
    "adamw": {"rule": {"optimizer": {"name": "adamw", "weight_decay": 0.1}}},
    "clipped and averaged": {"rule": {"clip": 0.1, "average": 0.9}},
    "smoothed": {"loss": SMOOTHED},
}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", VARIANTS)
def test_losses_weights_moments_and_averages_are_those_of_the_rule(name, count, monkeypatch):
    monkeypatch.setattr(decoder, "ROWS", 2 * CONTEXT)  # so that a lane's windows come in several parts
    plain, ours = begun(**VARIANTS[name]), begun(count=count, **VARIANTS[name])
    assert_same(by_hand(ours, 7), by_rule(plain, 7), within=1e-6)  # the rule's are reported in float32
    assert_same(numbers(ours.rule.state_dict()), numbers(plain.rule.state_dict()), within=1e-8)


@pytest.mark.parametrize("name", ["gpt-char", "untied", "no scales", "smoothed"])
def test_in_bfloat16_a_step_has_the_loss_and_the_slope_that_autocast_has(name):
    """Both round at the same places; float32's slope differs by .006 to .008."""
    ours, theirs = (begun(precision="bfloat16", **VARIANTS[name]) for _ in range(2))
    made = DecoderProgram.of(ours.rule, ours.batches)
    assert made is not None
    losses, slope = made.take(ours.at, 1).losses, theirs.rule.slope(theirs.batches.at(theirs.at))
    assert_same(losses, [float(slope.loss / slope.weight)], within=1e-4)
    assert_same(made.adam.slope * slope.weight, torch.cat([one.reshape(-1) for one in slope.gradients]), within=0.002)


def test_in_bfloat16_it_learns_as_by_autocast():
    ours, theirs = (begun(count=count, precision="bfloat16") for count in (2, 1))
    assert_same(by_hand(ours, TOTAL), by_rule(theirs, TOTAL), within=0.01)
    assert {one.dtype for one in ours.rule.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("count", [1, 2])
def test_how_steps_are_cut_into_calls_changes_no_bit(count, precision):
    runs = [begun(count=count, precision=precision) for _ in range(2)]
    assert by_hand(runs[0], 20, most=20) == by_hand(runs[1], 20, most=3)
    assert torch.equal(*(numbers(run.rule.state_dict()) for run in runs))


@pytest.mark.parametrize("multiply", [torch.mm, pytest.param(by_onednn, marks=onednn)])
def test_in_float32_losses_are_those_of_the_rule_whichever_library_multiplies(multiply, monkeypatch):
    monkeypatch.setattr(_decoder_pass, "multiplication", lambda like: multiply)
    plain, ours = begun(precision="float32"), begun(precision="float32", count=2)
    assert_same(by_hand(ours, 12), by_rule(plain, 12), within=1e-5)


def test_rule_and_program_may_take_turns():
    plain, mixed = begun(), begun()
    expected = by_rule(plain, 12)
    assert_same(by_hand(mixed, 4) + by_rule(mixed, 4) + by_hand(mixed, 4), expected, within=1e-6)
    assert_same(numbers(mixed.rule.state_dict()), numbers(plain.rule.state_dict()), within=1e-8)


def test_a_step_that_is_not_finite_is_left_to_the_rule_and_changes_nothing():
    run = begun()
    by_hand(run, 2)
    with torch.no_grad():
        run.rule.model.last.weight[0] = math.inf
    before = numbers(run.rule.state_dict())
    made = DecoderProgram.of(run.rule, run.batches)
    assert made is not None
    assert made.take(run.at, 3).count == 0
    assert torch.equal(numbers(run.rule.state_dict()), before)


@pytest.mark.parametrize(
    "given",
    [
        {"positions": "rotary", "width": 12, "heads": 3},
        {"match_normalised": True},
        {"biases": True},
        {"dropout": 0.1},
        {"normalisation": "rms"},
        {"rule": {"optimizer": "sgd"}},
        {"rule": {"l2": 0.1}},
        {"rule": {"freeze": ("places",)}},
    ],
    ids=str,
)
def test_what_it_has_no_way_back_for_it_leaves_alone(given):
    run = begun(**given)
    assert DecoderProgram.of(run.rule, run.batches) is None


def test_a_net_that_somebody_listens_in_is_left_alone():
    run = begun()
    run.rule.model.last.register_forward_hook(lambda *seen: None)
    assert DecoderProgram.of(run.rule, run.batches) is None


@pytest.mark.parametrize(("count", "precision"), [(1, None), (2, None), (2, "bfloat16")])
def test_a_run_by_it_resumes_to_the_same_bits(tmp_path, count, precision):
    data = RunningText("foxes", {"train": TEXT, "validation": TEXT[:20], "test": TEXT[:20]}, CONTEXT)
    net = {"name": "gpt-char", "layers": 1, "width": 8, "heads": 2}
    rule = {"name": "backpropagation", "optimizer": "adam", "rate": 0.01, "steps": 9, "batch_size": 5}
    plan = {"program": "decoder", "lanes": count, "threads": 1, "precision": precision}
    settings = {"model": net, "rule": rule, "speed": [plan], "evaluate_every": 4}
    assert_resumes_to_the_same_bits(settings, tmp_path, given=data, cuts=(2,))
