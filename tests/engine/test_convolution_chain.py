"""The chain of pooled convolutions takes the steps that the rule takes, in lanes or not, and knows what it cannot take."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from torch import nn

from tests.engine.test_dense_chain import assert_same, by_program, by_rule, state
from thalweg.core import registry
from thalweg.core.lanes import lanes
from thalweg.core.position import Position
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.engine._pooled_convolutions import PooledPass, pooled_of
from thalweg.engine.convolution_chain import ConvolutionChain
from thalweg.rules._rule import Context
from thalweg.rules.backpropagation import Backpropagation, BackpropagationSettings

TOTAL = 60


def pictures() -> dict[str, np.ndarray]:
    """Of 12 x 13 bytes, half of each empty, so that many places of a pooling window answer alike."""
    drawn = np.random.default_rng(0)
    images = drawn.integers(0, 256, (90, 12, 13), dtype=np.uint8)
    images[:, :, :7] = 0
    return {"x": images, "y": np.array(["a", "b", "c"])[images[:, :4].mean((1, 2)).argsort().argsort() // 30]}


def begun(
    model: Callable[[], nn.Module] | None = None, *, count: int = 1, ahead: bool = True, **settings: Any
) -> SimpleNamespace:
    """Backpropagation as it begins, in so many lanes, with its batches of 13 rows at most."""
    precision = settings.pop("precision", "float32")
    shape = {"maps": (3, 4), "hidden": (9, 5), **settings.pop("shape", {})}
    asked = DataSettings(target="y", fields={"x": "image"})
    dtype = torch.float64 if precision == "float64" else torch.float32
    dataset = encode(read(pictures(), asked), asked, seed=0).to("cpu", dtype)
    task = registry.load("task", "classification")(dataset.encodings, registry.settings_of("task", "classification", {}))
    torch.manual_seed(1)
    ours = registry.load("model", "lenet5")
    net = (model() if model else ours(task.ports, registry.settings_of("model", "lenet5", shape))).to(dtype)
    task.bind(net)
    usual = {"steps": TOTAL, "batch_size": 13, "optimizer": "adam", "rate": 0.01}
    rule = Backpropagation(task, net, BackpropagationSettings.model_validate(usual | settings), Context(precision=precision))
    rule.lanes = lanes(count) if count > 1 else None
    batches = rule.batches(dataset)
    assert not ahead or batches.finish_ahead(1 << 20)
    at = Position(total=TOTAL)
    rule.begin(batches, at)
    return SimpleNamespace(rule=rule, batches=batches, at=at)


def by_chain(run: SimpleNamespace, steps: int, most: int = 64) -> list[float]:
    return by_program(ConvolutionChain, run, steps, most)


def sequential() -> nn.Sequential:
    """Kernels with even and odd sides, a pooling that leaves rows out, no bias, the maximum before the rectifier."""
    first = [nn.Conv2d(1, 3, 4, padding=1, bias=False), nn.MaxPool2d(2), nn.ReLU()]
    second = [nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2, 2)]
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(10, 3))


VARIANTS: dict[str, dict[str, Any]] = {
    "one lane": {},
    "three lanes": {"count": 3},
    "batch by batch": {"ahead": False, "count": 2},
    "adamw, clipped, averaged": {"optimizer": {"name": "adamw", "weight_decay": 0.1}, "clip": 0.1, "average": 0.9},
    "a chain of one's own": {"model": sequential, "count": 2},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_losses_weights_moments_and_averages_are_those_of_the_rule(name):
    given = VARIANTS[name]
    plain, chained = begun(precision="float64", **{**given, "count": 1}), begun(precision="float64", **given)
    assert_same(by_chain(chained, 20), by_rule(plain, 20), within=1e-6)  # the rule's are reported in float32
    assert_same(state(chained), state(plain), within=1e-9)


def test_in_float32_they_are_the_same_up_to_rounding():
    plain, chained = begun(), begun(count=2)
    assert_same(by_chain(chained, 20), by_rule(plain, 20), within=1e-4)


@pytest.fixture(scope="module")
def uncut() -> list[float]:
    return by_chain(begun(count=2), 30)


@how(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_how_steps_are_cut_changes_no_bit(uncut, cuts):
    run, losses = begun(count=2), []
    for size in [*cuts, 30]:
        losses += by_chain(run, min(size, 30 - len(losses)))
    assert losses == uncut


def test_a_batch_that_is_not_finite_leaves_the_state_as_it_is():
    run = begun(count=2)
    by_chain(run, 1)
    run.batches.ready["x"].fill_(float("nan"))
    before = state(run)
    assert ConvolutionChain.of(run.rule, run.batches).take(run.at, 5).count == 0
    assert torch.equal(state(run), before)


@how(max_examples=30, deadline=None)
@given(
    maps=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    sides=st.tuples(st.integers(7, 10), st.integers(7, 10)),
    side=st.integers(1, 6),
    padding=st.integers(0, 2),
    levels=st.integers(1, 4),
)
def test_answers_and_slopes_are_those_of_torch_also_where_places_tie(maps, sides, side, padding, levels):
    torch.manual_seed(0)
    layers = [nn.Conv2d(*maps, side, padding=padding), nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*layers).double()
    x = torch.randint(0, levels, (3, maps[0], *sides)).double().requires_grad_()
    y = net(x)
    slope = torch.randn_like(y)
    expected = torch.autograd.grad(y, [net[0].weight, net[0].bias, x], slope)
    (pooled,), _ = pooled_of(layers, *sides)
    weight, bias = net[0].weight.detach(), net[0].bias.detach()
    slopes = torch.zeros_like(weight), torch.zeros_like(bias)
    work = PooledPass(pooled, (weight, slopes[0], bias, slopes[1]), rows=3, first=False)
    work.inputs.copy_(x.detach().permute(1, 2, 3, 0))
    assert torch.allclose(work.forward().permute(3, 0, 1, 2), y.detach())
    work.slope.copy_(slope.permute(1, 2, 3, 0))
    work.backward()
    found = *slopes, work.input_slope.permute(3, 0, 1, 2)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2d(1, 3, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2)],
        [nn.Conv2d(1, 3, 3, dilation=2), nn.ReLU(), nn.MaxPool2d(2)],
        [nn.Conv2d(1, 3, (3, 5)), nn.ReLU(), nn.MaxPool2d(2)],
        [nn.Conv2d(1, 3, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2)],
        [nn.Conv2d(1, 3, 3, padding=1, padding_mode="reflect"), nn.ReLU(), nn.MaxPool2d(2)],
        [nn.Conv2d(1, 3, 3), nn.Tanh(), nn.MaxPool2d(2)],
        [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(3)],
        [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2, stride=1)],
        [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)],
        [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AvgPool2d(2)],
        [nn.Conv2d(1, 3, 12), nn.ReLU(), nn.MaxPool2d(2)],
    ],
)
def test_what_computes_something_else_is_no_such_convolution(layers):
    assert pooled_of(layers, 12, 13) == ([], 0)


@pytest.mark.parametrize(
    "given", [{"shape": {"dropout": 0.1}}, {"shape": {"activation": "tanh"}}, {"optimizer": "muon"}, {"freeze": "head"}]
)
def test_a_net_or_a_rule_that_does_more_takes_its_steps_itself(given):
    run = begun(**given)
    assert ConvolutionChain.of(run.rule, run.batches) is None
