"""All randomness is a function of position: what it depends on, and that cutting a batch changes nothing."""

import dataclasses

import pytest
import torch

from thalweg.core.position import Position, seed_from
from thalweg.data.batch import Batch

HERE = Position(seed=3, stage=1, step=17, epoch=2, index=5, total=100)


def drawn(position: Position, name: str = "noise", by: str = "step") -> list[float]:
    return torch.rand(4, generator=position.generator(name, by=by)).tolist()


def batch(size: int, start: int = 0, whole: int = 0) -> Batch:
    return Batch({"x": torch.zeros(size, 2)}, size, start, whole or size)


def test_the_same_position_and_name_draw_the_same():
    assert drawn(HERE) == drawn(dataclasses.replace(HERE))


@pytest.mark.parametrize("changed", [{"seed": 4}, {"stage": 2}, {"step": 18}, {"path": ("inner",)}])
def test_another_seed_stage_step_or_path_draws_something_else(changed):
    assert drawn(HERE) != drawn(dataclasses.replace(HERE, **changed))


def test_another_name_draws_something_else():
    assert drawn(HERE, "noise") != drawn(HERE, "time")


def test_the_number_of_steps_and_the_place_in_the_epoch_do_not_matter_within_a_step():
    assert drawn(HERE) == drawn(dataclasses.replace(HERE, total=7, epoch=9, index=1))


@pytest.mark.parametrize(
    ("by", "kept", "changed"),
    [
        ("epoch", {"step": 99, "index": 0}, {"epoch": 3}),
        ("stage", {"step": 99, "epoch": 3}, {"stage": 2}),
        ("run", {"stage": 9, "step": 99, "epoch": 3}, {"seed": 4}),
    ],
)
def test_a_scope_sees_only_its_own_fields(by, kept, changed):
    assert drawn(HERE, by=by) == drawn(dataclasses.replace(HERE, **kept), by=by)
    assert drawn(HERE, by=by) != drawn(dataclasses.replace(HERE, **changed), by=by)


def test_scopes_with_equal_numbers_draw_different_things():
    position = Position()
    assert len({tuple(drawn(position, by=by)) for by in ("run", "stage", "epoch", "step")}) == 4


def test_paths_cannot_be_confused_with_names():
    assert drawn(HERE.inside("a").inside("b")) != drawn(HERE.inside("ab"))
    assert drawn(HERE.inside("a"), "b") != drawn(HERE, "ab")
    assert HERE.inside(3).path == ("3",)


@pytest.mark.parametrize("draw", ["normal", "uniform", "integers"])
def test_what_is_drawn_for_parts_is_what_is_drawn_for_the_whole(draw):
    below = {"below": 50} if draw == "integers" else {}
    whole = getattr(HERE, draw)("noise", batch(11), 3, **below)
    parts = [getattr(HERE, draw)("noise", part, 3, **below) for part in batch(11).parts(4)]
    assert whole.shape == (11, 3)
    assert torch.equal(whole, torch.cat(parts))


def test_draws_have_the_distribution_that_they_say():
    rows = batch(20_000)
    normal, uniform = HERE.normal("a", rows), HERE.uniform("b", rows)
    assert abs(float(normal.mean())) < 0.03  # four standard errors
    assert abs(float(normal.std()) - 1) < 0.02
    assert float(uniform.min()) >= 0
    assert float(uniform.max()) < 1
    assert abs(float(uniform.mean()) - 0.5) < 0.01
    assert set(HERE.integers("c", rows, below=3).tolist()) == {0, 1, 2}


def test_positions_advance_through_epochs_and_without_them():
    position, seen = Position(total=5), []
    for _ in range(5):
        seen.append((position.step, position.epoch, position.index))
        position = position.advanced(2)
    assert seen == [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1), (4, 2, 0)]
    endless = Position().advanced(None).advanced(None)
    assert (endless.step, endless.epoch, endless.index) == (2, 0, 2)


def test_torchs_own_generator_is_seeded_by_the_position_alone():
    seed_from(HERE)
    first = torch.rand(3)
    torch.rand(100)
    seed_from(HERE)
    assert torch.equal(first, torch.rand(3))
    seed_from(HERE.advanced(None))
    assert not torch.equal(first, torch.rand(3))
