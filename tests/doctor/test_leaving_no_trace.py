"""The doctor changes nothing: not a bit of the weights, not a random number, not a hook, not a function."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import thalweg as tw
from tests.doctor.planted import net, rows
from thalweg.core.errors import UsageRefusal
from thalweg.doctor.losses import PASSES, TABLE

REPLACED = [(module, name) for module, name, *_ in TABLE] + [(torch.autograd, name) for name, _ in PASSES]


def hooks(model, optimizer):
    held = [optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks]
    for one in model.modules():
        held += [one._forward_pre_hooks, one._forward_hooks, one._backward_hooks, one._forward_pre_hooks_with_kwargs]
    held += [one._backward_hooks or {} for one in model.parameters()]
    held += [one._post_accumulate_grad_hooks or {} for one in model.parameters()]
    return sum(len(one) for one in held)


def trained(doctored):
    torch.manual_seed(0)
    inputs, classes = rows()
    model = net(norm=True, dropout=0.3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)

    def steps():
        for _ in range(40):
            chosen = torch.randint(0, len(inputs), (32,))
            optimizer.zero_grad()
            F.cross_entropy(model(inputs[chosen]), classes[chosen]).backward()
            optimizer.step()

    if doctored:
        with tw.doctor(model, optimizer, quiet=True) as doctor:
            steps()
        assert len(doctor.trace.samples) >= 6
        assert doctor.findings is not None
    else:
        steps()
    return {name: one.clone() for name, one in model.state_dict().items()}, torch.random.get_rng_state()


def test_weights_and_random_numbers_are_those_of_a_loop_without_it():
    (with_it, drawn_with), (without, drawn) = trained(True), trained(False)
    assert all(torch.equal(one, without[name]) for name, one in with_it.items())
    assert torch.equal(drawn_with, drawn)


@pytest.mark.parametrize("failing", [False, True])
def test_no_hook_and_no_function_is_left_behind(failing):
    former = [getattr(module, name) for module, name in REPLACED]
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, classes = rows()
    try:
        with tw.doctor(model, optimizer, quiet=True):
            for _ in range(3):
                optimizer.zero_grad()
                F.cross_entropy(model(inputs), classes).backward()
                optimizer.step()
            model(inputs)
            if failing:
                raise KeyError("of the user's own")
    except KeyError:
        assert failing
    assert hooks(model, optimizer) == 0
    assert [getattr(module, name) for module, name in REPLACED] == former


def test_it_says_at_the_end_what_it_found_unless_it_is_to_be_quiet(capsys):
    for quiet in (False, True):
        model = nn.Sequential(nn.Linear(20, 5), nn.Softmax(1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        inputs, classes = rows()
        with tw.doctor(model, optimizer, quiet=quiet):
            for _ in range(6):
                optimizer.zero_grad()
                F.cross_entropy(model(inputs), classes).backward()
                optimizer.step()
        assert ("double-softmax" in capsys.readouterr().out) != quiet


def test_what_is_neither_run_nor_model_is_refused():
    with pytest.raises(UsageRefusal) as refusal:
        tw.doctor(nn.Linear(1, 1))
    assert refusal.value.code == "DOCTOR_MISFIT"
