"""Each activation equals its formula, written out in plain floating point arithmetic."""

import math

import pytest
import torch

from thalweg.layers.build import build_activation

POINTS = [-30.0, -2.5, -1.0, -0.3, 0.0, 0.4, 1.0, 3.0, 30.0]


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


FORMULAS = {
    "identity": lambda x: x,
    "step": lambda x: float(x >= 0),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "hard-tanh": lambda x: min(1.0, max(-1.0, x)),
    "relu": lambda x: max(0.0, x),
    "relu6": lambda x: min(6.0, max(0.0, x)),
    "relu-squared": lambda x: max(0.0, x) ** 2,
    "leaky-relu": lambda x: x if x > 0 else 0.01 * x,
    "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "gelu": lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2)),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(softplus(x)),
    "softplus": softplus,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_it_equals_its_formula(name):
    answer = build_activation(name)(torch.tensor(POINTS, dtype=torch.float64))
    assert answer.tolist() == pytest.approx([FORMULAS[name](x) for x in POINTS], rel=1e-6, abs=1e-9)


def test_softmax_divides_exponentials_by_their_sum():
    x = [0.5, -1.0, 2.0]
    total = sum(math.exp(value) for value in x)
    expected = [math.exp(value) / total for value in x]
    given = torch.tensor(x, dtype=torch.float64)
    assert build_activation("softmax")(given).tolist() == pytest.approx(expected, rel=1e-12)
    assert build_activation("log-softmax")(given).exp().tolist() == pytest.approx(expected, rel=1e-12)


def test_softmax_competes_along_the_axis_that_is_asked_for():
    answer = build_activation("softmax", {"axis": 0})(torch.randn(3, 4))
    assert torch.allclose(answer.sum(0), torch.ones(4))


def test_a_bipolar_step_answers_minus_one_and_keeps_nan():
    answer = build_activation("step", {"low": -1.0})(torch.tensor([-0.1, 0.0, 2.0, math.nan]))
    assert answer[:3].tolist() == [-1.0, 1.0, 1.0]
    assert answer[3].isnan()


def test_a_clip_with_crossed_limits_is_refused():
    with pytest.raises(ValueError, match="low must be below high"):
        build_activation("hard-tanh", {"low": 2.0})


def test_illegal_values_are_refused_by_name():
    with pytest.raises(ValueError, match="slope"):
        build_activation("leaky-relu", {"slope": -1})
