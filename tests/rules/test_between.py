"""What ships lies between the weights that a stage began with and those that it learned."""

import copy
from types import SimpleNamespace

import pytest
import torch

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from tests.training.stages_watched import watched
from tests.training.test_unfreezing import MODEL, Heard, photos
from thalweg.contracts.example import toy
from thalweg.contracts.subject import registered
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.tensors import tensors_from_bytes
from thalweg.training.loop import Progress, learn
from thalweg.training.stage import Own

STAGES = [{"rule": {"name": "linear-probe", "steps": 2}}, {"rule": {"steps": 4, "between": 0.25}}]


def state(module):
    return copy.deepcopy(module.state_dict())


def stepped(steps, **settings):
    """The residual net of the contracts as it began, as it learned, and as it ships."""
    one = toy(registered("residual"))
    rule = one.rule(one.model(), "backpropagation", steps=steps, **settings)
    batches = rule.batches(one.dataset)
    progress = Progress(Position(total=steps), batches.length)
    rule.begin(batches, progress.position)
    began = state(rule.model)
    learn(rule, batches, progress, [])
    return SimpleNamespace(rule=rule, began=began, learned=state(rule.model), ships=state(rule.shipped))


def on_the_line(began, learned, ships, share):
    """Whether all that ships lies that share of the way, statistics too; counts are the learned ones."""
    return all(
        torch.allclose(one, began[name] + share * (learned[name] - began[name]), atol=1e-7)
        if one.is_floating_point()
        else torch.equal(one, learned[name])
        for name, one in ships.items()
    )


def test_weights_and_statistics_that_ship_lie_on_the_line_from_the_first_to_the_last():
    run = stepped(3, between=0.25)
    assert on_the_line(run.began, run.learned, run.ships, 0.25)
    moved = {name for name, one in run.ships.items() if not torch.equal(one, run.began[name])}
    assert {"head.weight", "stem.0.weight"} <= moved
    assert any(name.endswith("running_mean") for name in moved)
    assert any(name.endswith("num_batches_tracked") for name in moved)


def test_learning_itself_is_the_same_with_and_without():
    plain, halfway = stepped(3), stepped(3, between=0.5)
    assert all(torch.equal(one, plain.learned[name]) for name, one in halfway.learned.items())
    assert not torch.equal(plain.ships["head.weight"], halfway.ships["head.weight"])


def test_an_average_is_followed_where_there_is_one():
    averaged, both = stepped(5, average=0.9), stepped(5, average=0.9, between=0.5)
    assert list(both.rule.followers) == ["average", "between"]
    parameters = {name: both.ships[name] for name, _ in both.rule.model.named_parameters()}
    assert on_the_line(both.began, averaged.ships, parameters, 0.5)


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_share_that_lies_beyond_the_ends_or_on_them_is_refused(share):
    with pytest.raises(UsageRefusal, match="between"):
        stepped(1, between=share)


def test_the_second_stage_begins_with_the_probed_head_and_ships_what_lies_between(tmp_path):
    seen, heard = {}, Heard()
    stages = [{"rule": {"freeze": "trunk", "steps": 2}}, {"rule": {"steps": 4, "between": 0.25}}]
    settings = {"model": MODEL, "stages": stages, "stopping": {"keep": "last"}}
    run = fitted(settings, tmp_path / "run", given=photos(8), own=Own(rule=watched(seen)), talk=heard)
    assert on_the_line(seen["begin", 1], seen["end", 1], run.package.model.state_dict(), 0.25)
    written = tensors_from_bytes((run.folder.model / "weights.safetensors").read_bytes(), where="weights")
    assert set(written) == set(run.package.model.state_dict())
    told = "stage what ships lies 0.25 of the way from the weights that the stage begins with to those that it learns"
    assert heard.lines.count(told) == 1


def test_a_run_that_ships_what_lies_between_resumes_to_the_same_bits_and_answers_alike_elsewhere(tmp_path):
    data = photos(8)
    run = assert_resumes_to_the_same_bits({"model": MODEL, "stages": STAGES}, tmp_path, given=data, cuts=(2,))
    assert_new_process_predicts_the_same(run, run.folder.model, {"image": data["image"][:3]})
