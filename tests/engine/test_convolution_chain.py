"""The chain of pooled convolutions takes the steps that the rule takes, in lanes or not, and knows what it cannot take."""

import copy
import statistics
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
    precision, seed = settings.pop("precision", "float32"), settings.pop("seed", 1)
    shape = {"maps": (3, 4), "hidden": (9, 5), **settings.pop("shape", {})}
    asked = DataSettings(target="y", fields={"x": "image"})
    dtype = torch.float64 if precision == "float64" else torch.float32
    dataset = encode(read(pictures(), asked), asked, seed=0).to("cpu", dtype)
    task = registry.load("task", "classification")(dataset.encodings, registry.settings_of("task", "classification", {}))
    torch.manual_seed(seed)
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


@pytest.mark.parametrize("name", ["one lane", "a chain of one's own"])
def test_in_bfloat16_the_first_slopes_are_those_of_autocast(name):
    """The median of a few nets: where rounding turns a unit on, slopes differ by more."""
    off = []
    for seed in range(2, 7):
        autocast, ours = (
            first_slope(by, begun(precision="bfloat16", seed=seed, **VARIANTS[name])) for by in (by_rule, by_chain)
        )
        off.append(float((ours - autocast).norm() / autocast.norm()))
    assert 0 < statistics.median(off) < 0.006


def first_slope(by: Callable[[SimpleNamespace, int], list[float]], run: SimpleNamespace) -> torch.Tensor:
    """Of the first step by all parameters: ten times Adam's first averages."""
    by(run, 1)
    held = run.rule.descent.optimizer.state
    return torch.cat([10 * held[one]["exp_avg"].flatten() for one in run.rule.descent.parameters])


@pytest.mark.parametrize("count", [1, 2])
def test_in_bfloat16_it_learns_what_autocast_does_on_weights_in_float32(count):
    plain, chained = begun(precision="bfloat16"), begun(precision="bfloat16", count=count)
    assert_same(by_chain(chained, 40), by_rule(plain, 40), within=0.05)
    assert all(one.dtype == torch.float32 for one in chained.rule.model.parameters())


@pytest.fixture(scope="module")
def uncut() -> dict[str, list[float]]:
    return {one: by_chain(begun(count=2, precision=one), 30) for one in ("float32", "bfloat16")}


@how(max_examples=6)
@given(cuts=st.lists(st.integers(1, 9), min_size=1, max_size=5), precision=st.sampled_from(["float32", "bfloat16"]))
def test_how_steps_are_cut_changes_no_bit(uncut, cuts, precision):
    run, losses = begun(count=2, precision=precision), []
    for size in [*cuts, 30]:
        losses += by_chain(run, min(size, 30 - len(losses)))
    assert losses == uncut[precision]


def test_a_resume_in_bfloat16_changes_no_bit():
    run, again = (begun(precision="bfloat16") for _ in range(2))
    by_chain(run, 7)
    again.rule.load_state_dict(copy.deepcopy(run.rule.state_dict()))
    again.at = run.at
    assert by_chain(again, 7) == by_chain(run, 7)
    assert torch.equal(state(again), state(run))


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-inf"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_batch_that_is_not_finite_leaves_the_state_as_it_is(precision, value):
    """Also where its bits, read as a whole number, lie below 0, so that the rectifier makes 0 of them."""
    run = begun(count=2, precision=precision)
    by_chain(run, 1)
    run.batches.ready["x"].fill_(float(value))
    before = state(run)
    assert ConvolutionChain.of(run.rule, run.batches).take(run.at, 5).count == 0
    assert torch.equal(state(run), before)


@how(max_examples=30)
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
    read = x.detach().permute(1, 2, 3, 0).contiguous()
    below = torch.full_like(read, float("nan"))
    work = PooledPass(pooled, (weight, slopes[0], bias, slopes[1]), read, below)
    assert torch.allclose(work.forward().permute(3, 0, 1, 2), y.detach())
    work.slope.copy_(slope.permute(1, 2, 3, 0))
    work.backward()
    found = *slopes, below.permute(3, 0, 1, 2)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs)


def test_in_bfloat16_only_what_products_read_and_write_is_rounded():
    """Beside float64, on numbers rounded alike: answers and slopes are off by what one rounding of them may do."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 3, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*layers)
    with torch.no_grad():
        for one in net.parameters():
            one.copy_(one.bfloat16())
    x = torch.randn(4, 2, 10, 9).bfloat16()
    slopes, below = [torch.zeros_like(one) for one in net.parameters()], torch.empty(2, 10, 9, 4)
    (pooled,), _ = pooled_of(layers, 10, 9)
    weight, bias = (one.detach().bfloat16() for one in net.parameters())
    views = weight, slopes[0], bias, slopes[1]
    work = PooledPass(pooled, views, x.permute(1, 2, 3, 0).contiguous(), below)
    y = work.forward().permute(3, 0, 1, 2).double()
    slope = torch.randn(y.shape).bfloat16()
    work.slope.copy_(slope.permute(1, 2, 3, 0))
    work.backward()
    wide = x.double().requires_grad_()
    expected = net.double()(wide)
    slopes_expected = torch.autograd.grad(expected, [*net.parameters(), wide], slope.double())
    for ours, theirs in zip([y, *slopes, below.permute(3, 0, 1, 2)], [expected.detach(), *slopes_expected], strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) < 2**-8


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
