"""Five steps of each optimizer equal the paper's update, transcribed in numpy, on a small quadratic in float64."""

import numpy as np
import pytest
import torch
from torch import nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import load, settings_of

CURVATURE = np.array([[3.0, 0.5, 0.0], [0.5, 2.0, 0.3], [0.0, 0.3, 1.0]])
OFFSET = np.array([1.0, -2.0, 0.5])
START = np.array([0.7, -0.4, 1.1])
DECAY = 0.1


def gradient(w):
    return CURVATURE @ w - OFFSET


def sgd(w, g, state, step):
    return w - 0.1 * (g + DECAY * w)


def momentum(w, g, state, step):
    state["v"] = 0.9 * state.get("v", 0.0) + (g + DECAY * w)
    return w - 0.02 * state["v"]


def nesterov(w, g, state, step):
    g = g + DECAY * w
    state["v"] = 0.9 * state.get("v", 0.0) + g
    return w - 0.02 * (g + 0.9 * state["v"])


def adagrad(w, g, state, step):
    g = g + DECAY * w
    state["sum"] = state.get("sum", 0.0) + g**2
    return w - 0.01 * g / (np.sqrt(state["sum"]) + 1e-10)


def adadelta(w, g, state, step):
    g = g + DECAY * w
    state["g2"] = 0.9 * state.get("g2", 0.0) + 0.1 * g**2
    move = np.sqrt(state.get("d2", 0.0) + 1e-6) / np.sqrt(state["g2"] + 1e-6) * g
    state["d2"] = 0.9 * state.get("d2", 0.0) + 0.1 * move**2
    return w - move


def rmsprop(w, g, state, step):
    g = g + DECAY * w
    state["g2"] = 0.9 * state.get("g2", 0.0) + 0.1 * g**2
    return w - 1e-3 * g / (np.sqrt(state["g2"]) + 1e-8)


def adam_move(g, state, step, beta2=0.999):
    state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * g
    state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g**2
    return state["m"] / (1 - 0.9**step) / (np.sqrt(state["v"] / (1 - beta2**step)) + 1e-8)


def adam(w, g, state, step):
    return w - 1e-3 * adam_move(g + DECAY * w, state, step)


def adamw(w, g, state, step):
    return (1 - 1e-3 * DECAY) * w - 1e-3 * adam_move(g, state, step)


def muon_rest(w, g, state, step):
    return (1 - 3e-3 * DECAY) * w - 3e-3 * adam_move(g, state, step, beta2=0.95)


PAPERS = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "muon": muon_rest,
}


@pytest.mark.parametrize("name", PAPERS)
def test_five_steps_are_the_papers(name):
    parameter = nn.Parameter(torch.from_numpy(START.copy()))
    decay = {"rest_decay": DECAY} if name == "muon" else {"weight_decay": DECAY}
    optimizer = load("optimizer", name)([parameter], settings_of("optimizer", name, decay))
    w, state = START.copy(), {}
    for step in range(1, 6):
        parameter.grad = torch.from_numpy(gradient(parameter.detach().numpy()))
        optimizer.step()
        w = PAPERS[name](w, gradient(w), state, step)
        np.testing.assert_allclose(parameter.detach().numpy(), w, rtol=0, atol=1e-12)


def test_lbfgs_reaches_the_minimum_of_rosenbrocks_valley():
    place = nn.Parameter(torch.tensor([-1.2, 1.0], dtype=torch.float64))
    optimizer = load("optimizer", "lbfgs")([place], settings_of("optimizer", "lbfgs", {"change_tolerance": 1e-15}))

    def measure():
        optimizer.zero_grad()
        loss = (1 - place[0]) ** 2 + 100 * (place[1] - place[0] ** 2) ** 2
        loss.backward()
        return loss

    for _ in range(5):
        optimizer.step(measure)
    assert place.detach().numpy() == pytest.approx([1.0, 1.0], abs=1e-6)


def test_lbfgs_refuses_several_groups():
    groups = [{"params": [nn.Parameter(torch.zeros(2))]}, {"params": [nn.Parameter(torch.zeros(2))]}]
    with pytest.raises(UsageRefusal, match="got 2"):
        load("optimizer", "lbfgs")(groups, settings_of("optimizer", "lbfgs"))


def test_fused_kernels_are_chosen_where_they_exist():
    settings = settings_of("optimizer", "adam")
    chosen = [
        type(load("optimizer", "adam")([nn.Parameter(torch.zeros(2, dtype=dtype))], settings)).__name__
        for dtype in (torch.float32, torch.float64, torch.bfloat16)
    ]
    assert chosen == ["FusedAdam", "FusedAdam", "Adam"]
    assert load("optimizer", "adagrad")([nn.Parameter(torch.zeros(2))], settings_of("optimizer", "adagrad")).param_groups[0][
        "fused"
    ]
