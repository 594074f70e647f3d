"""Gradients and numbers are right: slopes, values, extremes, splits; of every part that the registry knows."""

import functools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.contracts import test_losses as losses
from tests.contracts import test_metrics as metrics
from tests.contracts.test_layers import built, example
from tests.refusing import assert_well_said
from tests.reliability.extremes import COUNT, FINITE, NOT_A_NUMBER, extreme, with_one
from tests.reliability.figures import Row, shares, sized
from tests.reliability.references import LOSSES, METRICS, case
from thalweg.contracts.finding import found
from thalweg.contracts.slopes import slopes_are_right
from thalweg.contracts.subject import registered
from thalweg.core import registry
from thalweg.core.errors import Refusal
from thalweg.metrics._streaming import Streaming

LAYERS = [(sort, name) for sort in ("activation", "normalisation", "dropout") for name in registry.names(sort)]
SMOOTH = [pair for pair in LAYERS if registry.facts(*pair).get("differentiable", True)]
FAMILIES = [name for name, part in sorted(registry.parts("model").items()) if part.variant_of is None]
NEAR = 1e-6
HELD = "its slopes are those of finite differences"

SLOPES = Row("R12", "slopes of losses and layers by gradcheck, in float64", "PyTorch's OpInfo: gradcheck of each operator", 0)
MODELS = Row("R12", "slopes of whole models, in weights and inputs, beside finite differences in float64", "", 1)
VALUES = Row(
    "R12", "losses and metrics beside numpy, scipy and scikit-learn in float64", "Keras: golden values of its optimizers", 2
)
EXTREMES = Row("R12", "extreme inputs of losses, layers and metrics: finite, told, or a clean refusal", "", 3)
SPLITS = Row("R12", "metrics over data cut and ordered at random: one value", "", 4)


@pytest.mark.parametrize("cases", shares(2, 20, each=10), ids=str)
@pytest.mark.parametrize("name", losses.NAMES)
def test_slopes_of_losses_are_those_of_finite_differences(name: str, cases: range) -> None:
    loss, (_, output, target, mask) = losses.smallest(name)
    for number in cases:
        noise = torch.randn(output.shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
        assert torch.autograd.gradcheck(lambda given: loss(given, target, mask), (output + noise).requires_grad_()), number
    SLOPES.note(len(cases), len(cases))


@pytest.mark.parametrize("cases", shares(2, 20, each=20), ids=str)
@pytest.mark.parametrize(("sort", "name"), SMOOTH)
def test_slopes_of_layers_are_those_of_finite_differences(sort: str, name: str, cases: range) -> None:
    for number in cases:
        module = built(sort, name)
        if sort == "dropout":
            module.eval()
        x = torch.randn(example(sort, name).shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
        assert torch.autograd.gradcheck(module, x.requires_grad_()), number
    SLOPES.note(len(cases), len(cases))


@pytest.mark.parametrize("cases", shares(1, 10, each=10), ids=str)
@pytest.mark.parametrize("name", FAMILIES)
def test_slopes_of_models_are_those_of_finite_differences(name: str, cases: range) -> None:
    findings = [found(HELD, functools.partial(slopes_are_right, seed=number), registered(name), {}) for number in cases]
    assert [str(one) for one in findings if not one.passed] == []
    looked = sum(not one.what for one in findings)  # threshold units and memories have no slope
    MODELS.note(looked, looked)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_agree_with_others(name: str) -> None:
    worst, count = 0.0, sized(5, 100)
    for number in range(count):
        (output, target, settings), expected = case(LOSSES, name, number)
        loss = registry.load("loss", name)(registry.settings_of("loss", name, settings))
        said = loss(torch.from_numpy(output), torch.from_numpy(target)).numpy()
        worst = max(worst, float(np.max(np.abs(said - expected) / (1 + np.abs(expected)))))
    assert worst <= NEAR
    VALUES.note(count, count, relative_difference=worst)


@pytest.mark.parametrize("name", METRICS)
def test_metrics_agree_with_others(name: str) -> None:
    worst, count = 0.0, sized(5, 100)
    for number in range(count):
        (prediction, target, settings), expected = case(METRICS, name, number)
        metric = registry.load("metric", name)(registry.settings_of("metric", name, settings))
        said = metrics.value_of(metric, metric.rows(torch.from_numpy(prediction), torch.from_numpy(target)))
        worst = max(worst, abs(said - expected) / (1 + abs(expected)))
    assert worst <= NEAR
    VALUES.note(count, count, relative_difference=worst)


@pytest.mark.parametrize(("sort", "room", "table"), [("loss", "losses", LOSSES), ("metric", "metrics", METRICS)])
def test_every_loss_and_metric_is_held_against_something_else(sort: str, room: str, table: dict) -> None:
    own_tests = "".join(path.read_text(encoding="utf-8") for path in (Path(__file__).parents[1] / room).glob("test_*.py"))
    assert [name for name in registry.names(sort) if name not in table and f'"{name}"' not in own_tests] == []


def explained(values: Tensor, wide: Tensor, terms: int) -> bool:
    """Not finite in float32 because it is, summed, more than float32 holds, as float64 shows."""
    return bool((wide.abs().nan_to_num(posinf=math.inf) * terms > torch.finfo(values.dtype).max).any())


@pytest.mark.parametrize("name", losses.NAMES)
def test_losses_of_extreme_outputs_are_finite_or_told(name: str) -> None:
    loss, (_, output, target, _) = losses.smallest(name)
    for number in range(COUNT):
        given = extreme(output, number).requires_grad_()
        try:
            values = loss(given, target)
        except ValueError:
            continue
        (slope,) = torch.autograd.grad(values.sum(), given)
        assert values.shape == (len(output),)
        if number < FINITE and not (values.isfinite().all() and slope.isfinite().all()):
            assert explained(values, loss(given.detach().double(), target), output.numel()), number
        if number == NOT_A_NUMBER:
            assert not values.isfinite().all(), "a value that is no number is not hidden"
    EXTREMES.note(COUNT, COUNT)


@pytest.mark.parametrize("name", losses.NAMES)
def test_losses_of_no_examples_and_of_one_class_are_finite(name: str) -> None:
    loss, (_, output, target, _) = losses.smallest(name)
    empty = output[:0].requires_grad_()
    values = loss(empty, target[:0])
    assert values.shape == (0,)
    assert torch.autograd.grad(values.sum(), empty)[0].shape == empty.shape
    same = target[:1].expand_as(target)
    assert loss(output.detach(), same).isfinite().all()
    EXTREMES.note(2, 2)


@pytest.mark.parametrize("name", losses.NAMES)
def test_targets_that_are_no_class_and_no_number_are_refused_or_told(name: str) -> None:
    loss, (_, output, target, _) = losses.smallest(name)
    facts = registry.facts("loss", name)
    tried = [-1, output.shape[-1], 10**9, math.nan, math.inf] if facts["target"] in ("classes", "tokens") else [math.nan]
    for wrong in tried if facts["target"] != "none" and facts.get("rows_independent", True) else []:
        changed = with_one(target.double() if isinstance(wrong, float) else target, wrong)
        try:
            assert not loss(output, changed).isfinite().all(), wrong
        except Refusal as refusal:
            assert_well_said(refusal)
        EXTREMES.note(1, 1)


@pytest.mark.parametrize(("sort", "name"), LAYERS)
def test_layers_of_extreme_inputs_are_finite_or_told(sort: str, name: str) -> None:
    for number in range(COUNT):
        x, module = extreme(example(sort, name), number).requires_grad_(), built(sort, name).float()
        answer = module(x)
        (slope,) = torch.autograd.grad(answer.sum(), x) if answer.requires_grad else (answer,)
        if number < FINITE:
            assert answer.isfinite().all(), number
            assert slope.isfinite().all(), number
        if number == NOT_A_NUMBER:
            assert answer.isnan().any(), "a value that is no number is not hidden"
    EXTREMES.note(COUNT, COUNT)


def judged(name: str, prediction: Tensor, target: Tensor) -> float | None:
    metric, _ = metrics.smallest(name)
    return metrics.value_of(metric, metric.rows(prediction, target))


@pytest.mark.parametrize("name", registry.names("metric"))
def test_metrics_of_extremes_are_finite_undefined_or_refused(name: str) -> None:
    _, (_, prediction, target, _, _) = metrics.smallest(name)
    for number in range(COUNT):
        for given, true in ((like(prediction, number), target), (prediction, like(target, number))):
            try:
                value = judged(name, given, true)
            except ValueError:
                continue
            assert value is None or math.isfinite(value)
    assert judged(name, prediction[:0], target[:0]) is None
    EXTREMES.note(2 * COUNT + 1, 2 * COUNT + 1)


def like(values: Tensor, number: int) -> Tensor:
    """The extreme of that number, as whole numbers where they are: no class is a fraction, or no number."""
    made = extreme(values, number)
    return made if values.is_floating_point() else made.nan_to_num().long().to(values.dtype)


@pytest.mark.parametrize("name", registry.names("metric"))
def test_an_answer_that_is_no_number_never_betters_a_metric(name: str) -> None:
    _, (_, prediction, target, _, _) = metrics.smallest(name)
    if not prediction.is_floating_point():
        return
    usual, higher = judged(name, prediction, target), registry.facts("metric", name)["better"] == "higher"
    for place in range(prediction.numel()):
        value = judged(name, with_one(prediction, math.nan, place), target)
        assert value is None or (value <= usual if higher else value >= usual), place
    EXTREMES.note(prediction.numel(), prediction.numel())


@pytest.mark.parametrize("cases", shares(5, 100, each=50), ids=str)
@pytest.mark.parametrize("name", registry.names("metric"))
def test_a_metric_has_one_value_however_the_data_are_cut_and_ordered(name: str, cases: range) -> None:
    metric, rows = metrics.rows_of(name)
    worst = 0.0
    for number in cases:
        random = np.random.default_rng(number)
        drawn = rows[torch.from_numpy(random.integers(0, len(rows), 200))]
        at_once = metrics.value_of(metric, drawn)
        order = drawn[torch.from_numpy(random.permutation(200))]
        pieces = np.split(np.arange(200), np.sort(random.choice(np.arange(1, 200), random.integers(1, 40), replace=False)))
        streams = [metrics.streamed(metric, [order[torch.from_numpy(one)]]) for one in pieces]
        merged = Streaming(metric)
        for place in random.permutation(len(streams)):
            merged.merge(streams[place])
        value = merged.value()
        assert (value is None) == (at_once is None)
        worst = max(worst, abs(value - at_once) / (1 + abs(at_once)) if value is not None else 0.0)
    assert worst <= 1e-12
    SPLITS.note(len(cases), len(cases), relative_difference=worst)
