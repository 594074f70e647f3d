"""How long a run has learned: what opponents may take and what folds cost is told by it, of a resumed run as of any other."""

import dataclasses
import json
import shutil

import pytest

from tests.training.resuming import STAGE, StopAt, fitted
from thalweg.core.errors import PackageRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.training import checkpoints
from thalweg.training.interruption import Interrupted
from thalweg.training.learning_time import LearningTime

STAGES = {
    "source": "iris",
    "model": {"name": "mlp", "settings": {"hidden": [4]}},
    "rule": {"settings": {"steps": 6}},
    "evaluate_every": 2,
    "checkpoint_steps": 2,
    "checkpoints_kept": 1000,
    "speed": "plain",
    "stages": [{}, {"rule": {"settings": {"steps": 6}}}],
}


class Clock:
    """Seconds that pass as it is told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_is_counted_while_stages_learn_and_not_between_them():
    clock = Clock()
    watch = LearningTime(clock)
    for learned, between in [(3.0, 50.0), (4.0, 50.0)]:
        watch.start()
        clock.now += learned
        watch.stop()
        clock.now += between
    assert watch.seconds == 7.0
    assert watch.earlier == 0.0


def test_a_resumed_run_counts_on_from_what_its_checkpoint_says():
    clock = Clock()
    watch = LearningTime(clock)
    watch.start()
    clock.now += 1.0  # of a stage that goes on: reading the state back is part of it
    watch.go_on(20.0, ended=False)
    clock.now += 4.0
    watch.stop()
    assert watch.seconds == 25.0
    watch.start()
    clock.now += 2.0
    assert (watch.seconds, watch.earlier) == (27.0, 20.0)


def test_a_stage_that_had_ended_takes_no_further_time():
    clock = Clock()
    watch = LearningTime(clock)
    watch.start()
    clock.now += 1.0
    watch.go_on(20.0, ended=True)
    clock.now += 5.0
    assert watch.seconds == 20.0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return fitted(STAGES, tmp_path_factory.mktemp("time") / "whole")


def _said(run: RunFolder) -> dict[int, float]:
    """The seconds that each checkpoint says, by its number."""
    return {step: checkpoints.read(run.checkpoint(step)).seconds for step in sorted(run.steps())}


def _killed(whole, copy, *, after: int) -> RunFolder:
    """What a kill leaves when the newest checkpoint is of that number."""
    run = RunFolder(copy)
    shutil.copytree(whole.folder.path, copy)
    shutil.rmtree(run.model)
    for step in run.steps():
        if step > after:
            shutil.rmtree(run.checkpoints / str(step))
    return run


def _with_seconds(run: RunFolder, step: int, seconds: float | None) -> None:
    """Let a checkpoint say other seconds, or none, as those of older releases do."""
    folder = run.checkpoint(step)
    stamp = {name: value for name, value in folder.manifest.stamp.items() if name != "seconds"}
    stamp |= {} if seconds is None else {"seconds": seconds}
    files = {name: folder.bytes(name) for name in folder.manifest.files}
    run.write_checkpoint(step, files, stamp=stamp)


def test_each_checkpoint_says_how_long_the_run_had_learned_over_its_stages(whole):
    said = _said(whole.folder)
    assert list(said.values()) == sorted(said.values())
    assert min(said.values()) > 0
    assert said[STAGE + 6] == pytest.approx(whole.seconds, abs=0.001)
    assert whole.earlier == 0.0


@pytest.mark.parametrize("after", [4, 6, STAGE + 2], ids=["in the first stage", "at its end", "in the second stage"])
def test_what_processes_before_took_is_added_up(whole, tmp_path, after):
    run = _killed(whole, tmp_path / "killed", after=after)
    _with_seconds(run, after, 5000.0)
    resumed = fitted(STAGES, run.path, resume=True)
    assert resumed.earlier == 5000.0
    assert 5000.0 < resumed.seconds < 5000.0 + 60.0
    assert _said(run)[STAGE + 6] == pytest.approx(resumed.seconds, abs=0.001)


def test_a_run_that_had_ended_is_told_with_all_its_time(whole, tmp_path):
    run = _killed(whole, tmp_path / "ended", after=STAGE + 6)
    said = _said(run)[STAGE + 6]
    resumed = fitted(STAGES, run.path, resume=True)
    assert (resumed.seconds, resumed.earlier) == (said, said)


def test_an_interrupted_run_keeps_the_time_up_to_the_signal(tmp_path):
    with pytest.raises(Interrupted):
        fitted(STAGES, tmp_path / "run", listeners={"stop": StopAt(3)})
    said = _said(RunFolder(tmp_path / "run"))[3]
    assert 0 < said < fitted(STAGES, tmp_path / "run", resume=True).seconds


def test_a_checkpoint_of_an_older_release_says_no_time_and_still_resumes(whole, tmp_path):
    run = _killed(whole, tmp_path / "older", after=4)
    _with_seconds(run, 4, None)
    resumed = fitted(STAGES, run.path, resume=True)
    assert resumed.earlier == 0.0
    assert resumed.history == whole.history


@pytest.mark.parametrize("seconds", [-1.0, "4", [1.0], True])
def test_seconds_that_no_run_took_are_refused(whole, tmp_path, seconds):
    run = _killed(whole, tmp_path / "forged", after=4)
    _with_seconds(run, 4, seconds)
    with pytest.raises(PackageRefusal) as caught:
        checkpoints.read(run.checkpoint(4))
    assert caught.value.code == "CHECKPOINT_INCOMPLETE"
    assert "seconds" in caught.value.what


def test_time_is_no_part_of_what_equal_bits_are_promised_for(whole):
    folder = whole.folder.checkpoint(4)
    state = json.loads(folder.bytes("state.json"))
    assert "seconds" not in json.dumps(state)
    assert "seconds" in folder.manifest.stamp
    assert "seconds" in {field.name for field in dataclasses.fields(checkpoints.Checkpoint)}
