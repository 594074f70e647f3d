"""Members: each learns as it would alone; what goes wrong in one stops no other; all resume to the same bits."""

import pytest
import torch
from torch import nn

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.data.read import read
from thalweg.rules._rule import Context, Rule
from thalweg.rules.members import MembersRule
from thalweg.tasks._task import Task, restore_modes, set_evaluating

STEPS = 30
XOR = {
    "source": "xor",
    "model": {"hidden": [4], "activation": "silu"},
    "rule": {
        "name": "members",
        "members": 50,
        "batch_size": 4,
        "steps": 800,
        "optimizer": "adam",
        "rate": 0.05,
        "schedule": "constant",
    },
    "stopping": {"keep": "last"},
}
LEARNED = {"batch_size": 4, "steps": STEPS, "optimizer": {"name": "adamw"}, "rate": 0.02, "clip": 0.5}


def task_and_net(hidden: tuple[int, ...] = (4,), **settings) -> tuple[Task, nn.Module]:
    dataset = read("xor")
    task = registry.load("task", "regression")(dataset.encodings, registry.settings_of("task", "regression"))
    made = registry.settings_of("model", "mlp", {"hidden": hidden, "activation": "tanh", **settings})
    return task, registry.load("model", "mlp")(task.ports, made)


def rule_of(name: str, task: Task, net: nn.Module, **settings) -> Rule:
    return registry.load("rule", name)(task, net, registry.settings_of("rule", name, settings), Context())


def stepped(rule: Rule) -> None:
    """Thirty steps over the four cases."""
    batches = rule.batches(read("xor"))
    for step in range(STEPS):
        at = Position(seed=1, step=step, total=STEPS)
        rule.step(batches.at(at), at)


def members_of(count: int, **settings) -> MembersRule:
    task, net = task_and_net()
    return rule_of("members", task, net, members=count, **LEARNED, **settings)


def test_each_member_equals_the_net_trained_alone_from_the_same_weights():
    rule = members_of(3)
    begun = {name: stacked.detach().clone() for name, stacked in rule.members.weights.items()}
    stepped(rule)
    for member in range(3):
        task, net = task_and_net()
        net.load_state_dict({name: stacked[member] for name, stacked in begun.items()})
        stepped(rule_of("backpropagation", task, net, **LEARNED))
        for name, weight in net.named_parameters():
            torch.testing.assert_close(rule.members.weights[name][member], weight, rtol=0, atol=1e-5)
            assert not torch.allclose(weight, begun[name][member], atol=1e-3)


def test_a_member_that_is_no_number_stops_no_other():
    whole, broken = members_of(3), members_of(3)
    broken.load_state_dict(whole.state_dict())
    with torch.no_grad():
        for stacked in broken.members.stacked:
            stacked[1] = torch.nan
    stepped(whole)
    stepped(broken)
    for name, stacked in whole.members.weights.items():
        for member in (0, 2):
            torch.testing.assert_close(broken.members.weights[name][member], stacked[member], rtol=0, atol=1e-6)


def test_a_batch_that_is_no_number_moves_no_member_and_is_said_to():
    rule = members_of(3)
    stepped(rule)
    before = [one.detach().clone() for one in rule._by_member()]
    at = Position(seed=1, step=1, total=STEPS)
    batch = rule.batches(read("xor")).at(at)
    report = rule.step(batch.having({"answer": batch["answer"] * torch.nan}), at)
    assert not report["finite"]
    assert len(before) > len(rule.members.stacked)
    assert all(torch.equal(one, former) for one, former in zip(rule._by_member(), before, strict=True))


def test_members_begin_with_weights_of_their_own():
    weights = members_of(4).members.weights["head.weight"]
    assert len(torch.unique(weights.flatten(1), dim=0)) == 4


def test_the_answer_is_the_mean_of_the_members_answers():
    members = members_of(5).members
    numbers = torch.randn(6, 2)
    torch.testing.assert_close(members(numbers=numbers), members.each(numbers=numbers).mean(0))
    assert members.each(numbers=numbers).shape == (5, 6, 1)


def test_members_drop_out_while_they_learn_and_not_when_they_answer():
    task, net = task_and_net(dropout=0.5)
    rule = rule_of("members", task, net, members=3, **LEARNED)
    rows = {port.name: torch.ones(5, *port.shape) for port in task.ports.inputs}
    learning = [rule.members.train()(**rows) for _ in range(2)]
    answers = [rule.members.eval()(**rows) for _ in range(2)]
    assert not torch.equal(*learning)
    assert torch.equal(*answers)
    restore_modes(set_evaluating(rule.members.train()))
    assert not torch.equal(*(rule.members(**rows) for _ in range(2))), "nothing is dropped after an evaluation"


def test_nearly_all_of_fifty_nets_learn_exclusive_or(tmp_path):
    run = fitted(XOR, tmp_path / "run")
    cases = next(iter(run.dataset.batches("test", size=4)))
    with torch.no_grad():
        answers = run.package.model.each(numbers=cases["numbers"])[..., 0]  # (50, 4)
    right = (answers > 0) == (cases["answer"][:, 0] > 0)
    assert right.all(1).sum() >= 49


@pytest.mark.parametrize(
    ("settings", "rule", "code"),
    [({"normalisation": "batch"}, {}, "MEMBERS_BUFFERS"), ({}, {"optimizer": {"name": "muon"}}, "MEMBERS_OPTIMIZER")],
)
def test_what_would_tie_members_together_is_refused(settings, rule, code):
    task, net = task_and_net(**settings)
    with pytest.raises(UsageRefusal) as refused:
        rule_of("members", task, net, members=2, **rule)
    assert refused.value.code == code


def test_a_run_of_members_cut_anywhere_ends_with_the_same_bits(tmp_path):
    short = {**XOR, "rule": {**XOR["rule"], "members": 3, "steps": 6}, "evaluate_every": 4}
    assert_resumes_to_the_same_bits(short, tmp_path, cuts=(0, 1, 4))


def test_all_members_ship_and_answer_elsewhere(tmp_path):
    run = fitted({"source": "xor", "rule": {"name": "members", "members": 5, "batch_size": 4, "steps": 20}}, tmp_path / "run")
    assert run.package.model.each(numbers=torch.zeros(3, 2)).shape == (5, 3, 1)
    assert_new_process_predicts_the_same(run, run.folder.model, {"a": [0.0, 1.0], "b": [1.0, 1.0]})
