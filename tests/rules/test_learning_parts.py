"""Frozen layers, normalisation at rest, rates that fall from layer to layer, and the probe of a head."""

import copy
from types import SimpleNamespace

import pytest
import torch

from thalweg.contracts.example import toy
from thalweg.contracts.subject import registered
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.rules._learning_parts import layers, shares_of_rate
from thalweg.training.loop import Progress, learn


def trained(steps, rule="backpropagation", **settings):
    """The residual net of the contracts before and after some steps."""
    one = toy(registered("residual"))
    model = one.model()
    before = copy.deepcopy(model.state_dict())
    rule = one.rule(model, rule, steps=steps, **settings)
    batches = rule.batches(one.dataset)
    progress = Progress(Position(total=steps), batches.length)
    rule.begin(batches, progress.position)
    learn(rule, batches, progress, [])
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    return SimpleNamespace(model=model, rule=rule, moved=moved)


def test_a_frozen_trunk_keeps_weights_and_statistics_and_the_head_learns():
    run = trained(2, freeze="trunk")
    assert run.moved == {"head.weight", "head.bias"}
    assert all(one.requires_grad for one in run.model.parameters())
    assert all(one.training for one in run.model.modules())


def test_layers_are_frozen_by_name():
    moved = trained(2, freeze=["stem", "blocks.0"]).moved
    assert not any(name.startswith(("stem.", "blocks.0.")) for name in moved)
    assert any(name.startswith("blocks.1.") for name in moved)


def test_statistics_rest_while_weights_learn():
    moved = trained(2, freeze_statistics=True).moved
    assert not any("running" in name or "tracked" in name for name in moved)
    assert any(name.endswith("norm.weight") for name in moved)


def test_a_layer_that_is_not_there_is_refused_by_name():
    with pytest.raises(UsageRefusal, match="no layer tail") as caught:
        trained(1, freeze=["tail"])
    assert "stem, blocks.0, blocks.1" in caught.value.fix


def test_lower_layers_move_by_a_share_of_the_rate_of_those_above():
    run = trained(1, layer_decay=0.5, optimizer="sgd", rate=0.01, schedule="constant")
    assert layers(run.model) == ["stem", "blocks.0", "blocks.1", "last", "head"]
    shares = shares_of_rate(run.model, 0.5)
    assert [shares[f"{name}.weight"] for name in ("stem.0", "blocks.0.first", "head")] == [0.0625, 0.125, 1.0]
    named = {id(one): name for name, one in run.model.named_parameters()}
    for group in run.rule.descent.optimizer.param_groups:
        assert all(group["lr"] == pytest.approx(0.01 * shares[named[id(one)]]) for one in group["params"])


def test_rates_by_layer_survive_a_cut():
    run = trained(2, layer_decay=0.5, optimizer="adamw", rate=0.01)
    state = copy.deepcopy(run.rule.descent.state_dict())
    run.rule.descent.load_state_dict(state)
    again = run.rule.descent.state_dict()
    assert again["optimizer"].keys() == state["optimizer"].keys()
    assert all(torch.equal(again["optimizer"][name]["exp_avg"], one["exp_avg"]) for name, one in state["optimizer"].items())


def test_one_line_for_all_takes_no_rates_by_layer():
    with pytest.raises(UsageRefusal, match="none can have a rate of its own"):
        trained(1, layer_decay=0.5, optimizer="lbfgs")


def test_a_probe_moves_the_head_alone_to_the_least_loss_of_its_features():
    run = trained(4, rule="linear-probe", l2=0.1)
    assert run.moved == {"head.weight", "head.bias"}
    batch = run.rule.batches(toy(registered("residual")).dataset).at(Position())
    slope = run.rule.slope(batch)
    pulled = slope.gradients[0] / slope.weight + 0.1 * run.model.head.weight.detach()
    assert float(pulled.abs().max()) < 1e-4
