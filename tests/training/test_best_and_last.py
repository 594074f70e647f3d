"""A run folder keeps the best weights and the last ones, in each stage, in few checkpoints; which of them ship is a setting."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from thalweg import api
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.training import checkpoints
from thalweg.training.checkpoints import STAGE, Checkpoint

ASKED: dict[str, Any] = {"model": "mlp", "rule": {"epochs": 4, "batch_size": 45}, "threads": 1, "speed": "plain"}
ASKED |= {"compare": False, "check": False, "checkpoint_steps": 1, "stages": [{}, {"rule": {"rate": 0.3}}]}
ALL = 1000


def run_of(out: Path, *, kept: int, keep: str) -> list[Checkpoint]:
    """The checkpoints that a run of two stages leaves, the oldest first."""
    asked = {**ASKED, "checkpoints_kept": kept, "stopping": {"keep": keep}}
    folder = api.train("iris", settings=asked, out=out, talk=Talk()).folder
    return [checkpoints.read(folder.checkpoint(number)) for number in sorted(folder.steps())]


def last(one: Checkpoint) -> dict[str, torch.Tensor]:
    """The weights at its step."""
    found: dict[str, torch.Tensor] = one.state["rule"]["model"]
    return found


def best(one: Checkpoint) -> dict[str, torch.Tensor]:
    """The best weights of its stage until its step."""
    found: dict[str, torch.Tensor] = one.state["listeners"]["evaluation"]["best_state"]
    return found


def same(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> bool:
    return some.keys() == others.keys() and all(torch.equal(one, others[name]) for name, one in some.items())


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> list[Checkpoint]:
    """All checkpoints of a run that ships its best weights."""
    return run_of(tmp_path_factory.mktemp("every") / "run", kept=ALL, keep="best")


def test_each_checkpoint_of_each_stage_holds_the_best_weights_until_then_beside_the_last(every):
    by_number = {one.number: one for one in every if not one.ended}
    apart = 0
    for one in every:
        at = one.state["listeners"]["evaluation"]["best_at"]
        number = one.position.stage * STAGE + at["step"] if at else None
        if number in by_number:  # the last step's own is written over by that of the stage's end
            assert same(best(one), last(by_number[number]))
            apart += not same(best(one), last(one))
    assert {one.position.stage for one in every} == {0, 1}
    assert apart, "the best weights are other ones than the last somewhere"


def test_a_stage_that_has_ended_stands_at_its_best_weights_and_the_next_one_begins_there(every):
    ended = [one for one in every if one.ended]
    assert [one.position.stage for one in ended] == [0, 1]
    assert all(same(last(one), best(one)) for one in ended)


@pytest.mark.parametrize("kept", [1, 2])
def test_no_more_checkpoints_stay_than_are_asked_for_and_these_hold_the_same(tmp_path, every, kept):
    few = run_of(tmp_path / "run", kept=kept, keep="best")
    assert [one.number for one in few] == [one.number for one in every][-kept:]
    for one, other in zip(few, every[-kept:], strict=True):
        assert same(last(one), last(other))
        assert same(best(one), best(other))
    assert same(load_file(tmp_path / "run" / "model" / "weights.safetensors"), best(every[-1]))


def test_where_the_last_weights_are_to_ship_no_others_are_kept(tmp_path):
    found = run_of(tmp_path / "run", kept=2, keep="last")
    assert len(found) == 2
    assert [best(one) for one in found] == [{}, {}]
    shipped = load_file(RunFolder(tmp_path / "run").model / "weights.safetensors")
    assert same(shipped, last(found[-1]))
