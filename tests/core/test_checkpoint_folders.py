"""The checkpoints of a run: the newest that verifies is found, and rotation never removes the only good one."""

import os
import random

import pytest

from tests.core.faults import killed_at
from tests.core.test_run_folder import PAYLOAD, content
from thalweg.core.errors import PackageRefusal
from thalweg.core.run_folder import RunFolder


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run")


def damage(run, step):
    (run.checkpoints / str(step) / "state.json").write_bytes(b"[]")


def test_the_newest_checkpoint_by_number_is_found(run):
    assert run.newest_checkpoint() == (None, [])
    for step in (2, 10, 9):
        run.write_checkpoint(step, PAYLOAD, stamp={"architecture": "abc"})
    found = run.newest_checkpoint()
    assert found.folder.manifest.stamp == {"step": 10, "architecture": "abc"}
    assert found.skipped == []
    assert run.steps() == [10, 9, 2]


def test_pkg_23_a_damaged_newest_checkpoint_is_skipped_told_and_kept(run):
    for step in (1, 2, 3, 4):
        run.write_checkpoint(step, PAYLOAD)
    (run.checkpoints / "4" / "manifest.json").unlink()
    damage(run, 3)
    before = content(run.path)
    folder, skipped = run.newest_checkpoint()
    assert folder.manifest.stamp["step"] == 2
    assert [path.name for path, _ in skipped] == ["4", "3"]
    assert "manifest.json is missing" in skipped[0][1]
    assert "state.json" in skipped[1][1]
    assert content(run.path) == before


def test_pkg_07_a_checkpoint_under_another_steps_name_is_skipped(run):
    run.write_checkpoint(800, PAYLOAD)
    (run.checkpoints / "800").rename(run.checkpoints / "900")
    with pytest.raises(PackageRefusal, match="named 900 was taken at step 800"):
        run.checkpoint(900)


def test_pkg_24_when_all_checkpoints_are_bad_each_reason_is_told(run):
    for step in (1, 2):
        run.write_checkpoint(step, PAYLOAD)
        damage(run, step)
    before = content(run.path)
    with pytest.raises(PackageRefusal, match="none of 2 checkpoints verifies") as caught:
        run.newest_checkpoint()
    assert caught.value.exit_code == 4
    assert "afresh" in caught.value.fix
    assert len(caught.value.details["skipped"]) == 2
    assert content(run.path) == before


def test_a_damaged_checkpoint_in_the_way_is_set_aside(run):
    run.write_checkpoint(5, PAYLOAD)
    (run.checkpoints / "5" / "manifest.json").unlink()
    run.write_checkpoint(5, {"state.json": b"[1]"})
    assert run.newest_checkpoint().folder.json("state.json") == [1]
    assert (run.checkpoints / "5.damaged-1").is_dir()
    assert run.steps() == [5]


def test_a_checkpoint_moved_aside_by_a_crash_is_still_found(run):
    run.write_checkpoint(5, PAYLOAD)
    (run.checkpoints / "5").rename(run.checkpoints / ".5.replaced")
    assert run.newest_checkpoint().folder.manifest.stamp["step"] == 5


def test_rotation_keeps_the_newest(run):
    for step in range(1, 7):
        run.write_checkpoint(step, PAYLOAD)
    removed = run.rotate(2)
    assert [path.name for path in removed] == ["4", "3", "2", "1"]
    assert run.steps() == [6, 5]
    assert run.rotate(2) == []


def test_rotation_touches_only_what_it_wrote(run):
    for step in (1, 2, 3, 4):
        run.write_checkpoint(step, PAYLOAD)
    (run.checkpoints / "1" / "mine.txt").write_text("mine")
    (run.checkpoints / "0").mkdir()
    (run.checkpoints / "notes").mkdir()
    (run.path.parent / "elsewhere").mkdir()
    (run.checkpoints / "00").symlink_to(run.path.parent / "elsewhere")
    run.rotate(1)
    assert sorted(os.listdir(run.checkpoints)) == ["0", "00", "1", "4", "notes"]


def test_r27_rotation_never_removes_the_only_good_one(run):
    for step in (1, 2, 3):
        run.write_checkpoint(step, PAYLOAD)
    damage(run, 3)
    damage(run, 2)
    assert run.rotate(1) == []
    assert run.newest_checkpoint().folder.manifest.stamp["step"] == 1
    damage(run, 1)
    assert run.rotate(1) == []
    assert run.steps() == [3, 2, 1]


def test_r27_a_damaged_one_among_the_newest_is_neither_counted_nor_removed(run):
    for step in (1, 2, 3, 4, 5):
        run.write_checkpoint(step, PAYLOAD)
    damage(run, 4)
    damage(run, 1)
    assert [path.name for path in run.rotate(2)] == ["2"]
    assert run.steps() == [5, 4, 3, 1]
    assert [run.checkpoint(step).manifest.stamp["step"] for step in (5, 3)] == [5, 3]


def test_r27_nothing_is_removed_until_as_many_as_are_kept_verify(run):
    for step in (1, 2, 3, 4):
        run.write_checkpoint(step, PAYLOAD)
    for step in (4, 3, 1):
        damage(run, step)
    assert run.rotate(2) == []
    run.write_checkpoint(5, PAYLOAD)
    assert run.rotate(2) == []
    run.write_checkpoint(6, PAYLOAD)
    assert [path.name for path in run.rotate(2)] == ["2"]


def test_r27_after_any_history_of_saves_and_kills_a_checkpoint_is_found(run, monkeypatch):
    chance, step, found = random.Random(11), 1, 1
    run.write_checkpoint(step, PAYLOAD)
    for _ in range(60):
        step += 1

        def save(step=step):
            run.write_checkpoint(step, PAYLOAD)
            run.rotate(2)

        killed_at(monkeypatch, chance.randrange(1, 60), save)
        newest = run.newest_checkpoint().folder.manifest.stamp["step"]
        assert found <= newest <= step
        found = newest
    with run.lock():
        run.rotate(2)
    assert len(os.listdir(run.checkpoints)) <= 3
