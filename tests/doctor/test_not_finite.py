"""A loss that is not finite in a foreign loop: the step and the first layer are named, and nothing else becomes another."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import thalweg as tw

AT, STEPS = 37, 80


class Between(nn.Module):
    """Something that a layer does to its input."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def forward(self, inputs):
        return self.act(inputs)


def net(act):
    inner = nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.2), Between(act))
    return nn.Sequential(nn.Linear(4, 8), inner, nn.Linear(8, 1))


def batches():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(32, 4, generator=generator) for _ in range(STEPS)]


class Planted:
    """A loop in which a number that is not finite comes up in step AT, in one of several places."""

    def __init__(self, place):
        torch.manual_seed(0)
        self.place, self.step = place, 0
        self.model = net(self.act)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)

    def act(self, inputs):
        return torch.log(inputs - inputs) if self.place == "output" and self.step == AT else torch.tanh(inputs)

    def loop(self):
        for self.step, given in enumerate(batches()):
            wrong = self.step == AT
            truth = given[:, :1].clone()
            if wrong and self.place == "input":
                given[3, 2] = math.nan
            if wrong and self.place == "target":
                truth[5] = math.inf
            if wrong and self.place == "loss":
                truth[5] = 1e30
            loss = F.mse_loss(self.model(given), truth)
            self.optimizer.zero_grad()
            loss.backward()
            if wrong and self.place == "weights":
                self.model[2].weight.grad[0, 0] = math.inf
            self.optimizer.step()


SAID = {
    "output": (AT, "the first layer whose output is not is 1.2 (Between)"),
    "input": (AT, "what the net was given is not (1 of 128 numbers, the first in row 3, place 2 of the batch)"),
    "target": (AT, "what its answers are held against is not (1 of 32 numbers, the first in row 5, place 0 of the batch)"),
    "weights": (AT + 1, "the step before left weights that are not, 2.weight first among them"),
    "loss": (AT, "so it came of the loss, the size of its targets, or what is drawn"),
}


@pytest.mark.parametrize("place", SAID)
def test_the_step_and_the_first_layer_are_named(place):
    planted = Planted(place)
    with tw.doctor(planted.model, planted.optimizer, quiet=True) as doctor:
        planted.loop()
    [found] = doctor.findings
    step, said = SAID[place]
    assert (found["name"], found["severity"]) == ("not-finite", "error")
    assert f"not finite at step {step}:" in found["what"]
    assert said in found["what"]
    assert not doctor.trouble


@pytest.mark.parametrize("place", ["output", "loss"])
def test_asking_again_leaves_weights_statistics_and_random_numbers_as_they_would_be(place):
    left = []
    for watching in (True, False):
        planted = Planted(place)
        if watching:
            with tw.doctor(planted.model, planted.optimizer, quiet=True):
                planted.loop()
        else:
            planted.loop()
        left.append((planted.model.state_dict(), torch.random.get_rng_state()))
    (with_it, drawn_with), (without, drawn) = left
    assert all(torch.equal(one.nan_to_num(), without[name].nan_to_num()) for name, one in with_it.items())
    assert torch.equal(drawn_with, drawn)


def test_what_drove_it_there_is_named_first():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=3.0)
    with tw.doctor(model, optimizer, quiet=True) as doctor:
        for given in batches():
            optimizer.zero_grad()
            F.mse_loss(model(given), given[:, :1]).backward()
            optimizer.step()
    assert [one["name"] for one in doctor.findings] == ["rate-too-high", "not-finite"]
    assert "(Linear)" in doctor.findings[1]["what"]
