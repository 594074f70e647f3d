"""Initial weights have the bounds, deviations and structure that their papers state."""

import math

import pytest
import torch
from torch import nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import load, settings_of
from thalweg.layers.initialisations import initialise, zero_last


def drawn(name, *shape, given=None):
    tensor = torch.empty(*shape, dtype=torch.float64)
    load("initialisation", name)(
        tensor, generator=torch.Generator().manual_seed(0), settings=settings_of("initialisation", name, given)
    )
    return tensor


# 300 x 200 numbers: the deviation of a sample deviation is 1 / sqrt(2 n) = .3 % for normal ones; 1.5 % is five of these
@pytest.mark.parametrize(
    ("name", "given", "deviation"),
    [
        ("uniform", {"bound": 0.3}, 0.3 / math.sqrt(3)),
        ("normal", {"deviation": 0.7}, 0.7),
        ("glorot-uniform", {}, math.sqrt(2 / (300 + 200))),
        ("glorot-normal", {"gain": 2.0}, 2 * math.sqrt(2 / (300 + 200))),
        ("he-uniform", {}, math.sqrt(2 / 200)),
        ("he-normal", {"mode": "outputs"}, math.sqrt(2 / 300)),
        ("he-normal", {"slope": 0.5}, math.sqrt(2 / (1.25 * 200))),
        ("orthogonal", {}, math.sqrt(1 / 300)),
    ],
)
def test_the_deviation_is_the_papers(name, given, deviation):
    weights = drawn(name, 300, 200, given=given)
    assert float(weights.std()) == pytest.approx(deviation, rel=0.015)
    assert abs(float(weights.mean())) < 5 * deviation / math.sqrt(weights.numel())


def test_a_kernel_counts_every_position_as_an_input():
    weights = drawn("he-normal", 64, 32, 3, 3)
    assert float(weights.std()) == pytest.approx(math.sqrt(2 / (32 * 9)), rel=0.03)


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (4, 2, 3)])
def test_orthogonal_rows_or_columns_have_the_gain_as_their_length(shape):
    weights = drawn("orthogonal", *shape, given={"gain": 2.0}).flatten(1)
    short = weights @ weights.T if weights.shape[0] <= weights.shape[1] else weights.T @ weights
    assert torch.allclose(short, 4 * torch.eye(len(short), dtype=torch.float64), atol=1e-12)


def test_sparse_units_have_the_stated_number_of_connections():
    weights = drawn("sparse", 40, 100, given={"connections": 7})
    assert (weights != 0).sum(1).tolist() == [7] * 40
    assert float(weights.square().sum(1).mean()) == pytest.approx(1.0, rel=0.4)
    assert (drawn("sparse", 4, 3) != 0).all()


def net():
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Unflatten(1, (2, 4)), nn.Conv1d(2, 3, 3), nn.ConvTranspose1d(3, 5, 2)
    )


def test_one_seed_gives_the_same_net_and_zero_biases_whatever_the_dtype():
    nets = [net(), net(), net().bfloat16()]
    for one in nets:
        initialise(one, name="he-normal", generator=torch.Generator().manual_seed(3))
    for a, b, c in zip(*(one.parameters() for one in nets), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a.bfloat16(), c)
    assert all((layer.bias == 0).all() for layer in nets[0] if isinstance(layer, nn.Linear | nn.Conv1d | nn.ConvTranspose1d))
    assert (nets[0][1].weight == 1).all()


def test_a_transposed_convolution_counts_its_own_inputs():
    layer = nn.ConvTranspose1d(400, 20, 1)
    initialise(layer, name="he-normal", generator=torch.Generator().manual_seed(0))
    assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / 400), rel=0.04)


def test_settings_reach_the_part():
    layer = nn.Linear(3, 4)
    initialise(layer, name="uniform", generator=torch.Generator().manual_seed(0), given={"bound": 1e-3})
    assert layer.weight.abs().max() <= 1e-3


def test_a_branch_that_ends_in_zero_answers_zero():
    branch = net()
    zero_last(branch)
    assert (branch(torch.randn(4, 6)) == 0).all()
    assert (branch[0].weight != 0).any()


def test_a_branch_without_weights_is_refused():
    with pytest.raises(UsageRefusal, match="Sequential holds no linear"):
        zero_last(nn.Sequential(nn.ReLU()))
