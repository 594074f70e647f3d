"""What each dropout drops, how often, and what it does to the rest."""

import math

import pytest
import torch
from torch import nn

from thalweg.layers.build import build_dropout
from thalweg.layers.dropout import DropConnectLinear


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("name", "whole"),
    [("plain", ()), ("drop-connect", ()), ("channel", (2, 3)), ("stochastic-depth", (1, 2, 3)), ("word", (3,))],
)
def test_what_is_dropped_is_dropped_whole_and_the_rest_is_scaled(name, whole):
    answer = build_dropout(name, 0.25)(torch.ones(200, 20, 4, 3, dtype=torch.float64))
    assert set(answer.unique().tolist()) == {0.0, 1 / 0.75}
    decided = answer.amax(whole) if whole else answer
    assert torch.equal(decided, answer.amin(whole) if whole else answer)
    share = float((decided == 0).double().mean())
    assert abs(share - 0.25) < 5 * math.sqrt(0.25 * 0.75 / decided.numel())


def test_gaussian_noise_has_the_variance_of_plain_dropout():
    answer = build_dropout("gaussian", 0.2)(torch.ones(200_000, dtype=torch.float64))
    assert float(answer.var()) == pytest.approx(0.2 / 0.8, rel=0.02)


def test_alpha_dropout_keeps_mean_and_variance():
    answer = build_dropout("alpha", 0.2)(torch.randn(200_000, dtype=torch.float64))
    assert abs(float(answer.mean())) < 0.02
    assert float(answer.var()) == pytest.approx(1.0, rel=0.03)


def test_drop_connect_drops_weights_not_answers():
    layer = DropConnectLinear(50, 4, weight_dropout=build_dropout("drop-connect", 0.5)).double()
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    eye = torch.eye(50, dtype=torch.float64)
    assert set(layer(eye).unique().tolist()) == {0.0, 2.0}
    assert (layer.eval()(eye) == 1.0).all()
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_gradients_flow_through_what_is_kept_alone():
    x = torch.ones(10, 20, 3, requires_grad=True)
    answer = build_dropout("word", 0.5)(x)
    answer.sum().backward()
    assert torch.equal(x.grad, answer.detach())
