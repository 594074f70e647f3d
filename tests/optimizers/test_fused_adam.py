"""Adam by fused kernels: torch's steps to the bit, groups, types, state there and back."""

import subprocess
import sys

import pytest
import torch
from torch import nn, optim

from thalweg.core import registry
from thalweg.optimizers._fused_adam import FusedAdam


def _parameters(*types):
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(5, 3, dtype=one)) for one in types]


def _steps(optimizer, parameters, count, *, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        for one in parameters:
            one.grad = torch.randn(one.shape, generator=generator).to(one.dtype)
        optimizer.step()


@pytest.mark.parametrize(("name", "theirs"), [("adam", optim.Adam), ("adamw", optim.AdamW)])
def test_it_takes_torchs_steps_to_the_bit_in_groups_and_in_two_types(name, theirs):
    ours, same = (
        _parameters(torch.float32, torch.float64, torch.float32),
        _parameters(torch.float32, torch.float64, torch.float32),
    )
    settings = registry.settings_of("optimizer", name, {"rate": 0.01, "weight_decay": 0.1})
    groups = [[{"params": several[:2]}, {"params": several[2:], "lr": 0.001}] for several in (ours, same)]
    mine = registry.load("optimizer", name)(groups[0], settings)
    assert isinstance(mine, FusedAdam)
    _steps(mine, ours, 5)
    _steps(theirs(groups[1], lr=0.01, weight_decay=0.1, fused=True), same, 5)
    assert all(torch.equal(one, other) for one, other in zip(ours, same, strict=True))


def test_what_it_saves_is_torchs_and_goes_on_from_there():
    ours, same = _parameters(torch.float32), _parameters(torch.float32)
    settings = registry.settings_of("optimizer", "adamw")
    first = registry.load("optimizer", "adamw")(ours, settings)
    theirs = optim.AdamW(same, lr=settings.rate, weight_decay=settings.weight_decay, fused=True)
    _steps(first, ours, 3)
    _steps(theirs, same, 3)
    assert first.state_dict()["state"][0].keys() == theirs.state_dict()["state"][0].keys()
    again = registry.load("optimizer", "adamw")(ours, settings)
    again.load_state_dict(theirs.state_dict())
    _steps(again, ours, 3, seed=2)
    _steps(theirs, same, 3, seed=2)
    assert torch.equal(ours[0], same[0])


def test_a_parameter_without_a_gradient_stays_and_keeps_no_state():
    one, other = _parameters(torch.float32, torch.float32)
    adam = registry.load("optimizer", "adam")([one, other], registry.settings_of("optimizer", "adam"))
    before = other.detach().clone()
    one.grad = torch.ones_like(one)
    adam.step()
    assert torch.equal(other, before)
    assert list(adam.state_dict()["state"]) == [0]


def test_a_training_step_loads_no_compiler():
    program = (
        "import sys, torch; from torch import nn; from thalweg.core import registry;"
        "one = nn.Parameter(torch.ones(2)); one.grad = torch.ones(2);"
        "adam = registry.load('optimizer', 'adamw')([one], registry.settings_of('optimizer', 'adamw'));"
        "adam.step(); adam.load_state_dict(adam.state_dict()); print('torch._dynamo' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "False"
