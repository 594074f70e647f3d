"""Checkpoints that verified are not digested again while their files stand as they did."""

from tests.core.test_checkpoint_folders import damage
from tests.core.test_run_folder import PAYLOAD
from thalweg.core.run_folder import RunFolder
from thalweg.core.verified import Verified


def test_a_rotation_that_remembers_digests_each_checkpoint_once_and_one_that_changed_again(tmp_path, monkeypatch):
    run, digested, verified = RunFolder.create(tmp_path / "run"), [], Verified()
    checkpoint = RunFolder.checkpoint

    def noted(folder, step):
        digested.append(step)
        return checkpoint(folder, step)

    monkeypatch.setattr(RunFolder, "checkpoint", noted)
    for step in (1, 2, 3, 4):
        run.write_checkpoint(step, PAYLOAD)
        run.rotate(3, verified=verified)
    assert digested == [1, 2, 3, 4]
    damage(run, 3)
    run.write_checkpoint(5, PAYLOAD)
    assert run.rotate(3, verified=verified) == []
    assert digested[4:] == [5, 3]
    run.write_checkpoint(5, PAYLOAD)
    run.rotate(3, verified=verified)
    assert digested[6:] == [5]
    assert run.steps() == [5, 4, 3, 2]
