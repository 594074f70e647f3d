"""A checkpoint that is written while steps go on is what one written between two steps would be, by the byte."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.packages.trained import table
from tests.reliability.figures import Row, sized
from tests.training.resuming import fitted
from thalweg.core.behind import Behind
from thalweg.core.errors import ResourceRefusal
from thalweg.core.manifest import MANIFEST, read_manifest, render_manifest
from thalweg.core.run_folder import RunFolder

ROW = Row(
    "R7",
    "checkpoints written while steps go on, against ones that steps waited for: the same bytes",
    "Lightning 20953, NeMo-RL 3312: checkpoints that mixed steps",
)
RULE = {"name": "backpropagation", "optimizer": "adamw", "average": 0.9, "batch_size": 16, "schedule": "cosine"}


def asked(steps: int) -> dict:
    return {
        "data": {"target": "kind"},
        "model": {"name": "mlp", "hidden": [32], "dropout": 0.1},
        "rule": {**RULE, "steps": steps},
        "checkpoint_steps": 1,
        "checkpoints_kept": 1000,
    }


def contents(folder: RunFolder) -> dict[Path, bytes]:
    """Every file of every checkpoint; of its manifest all but how long the run had learned, which no two runs agree in."""
    files = sorted(path for path in folder.checkpoints.rglob("*") if path.is_file())
    return {path.relative_to(folder.path): untimed(path) if path.name == MANIFEST else path.read_bytes() for path in files}


def untimed(path: Path) -> bytes:
    """A manifest that holds, without its seconds and the digest that counts them."""
    told = read_manifest(path.parent)
    return render_manifest(replace(told, stamp={name: value for name, value in told.stamp.items() if name != "seconds"}))


def test_every_checkpoint_written_behind_equals_one_that_steps_waited_for(tmp_path, monkeypatch):
    steps = sized(20, 200)
    with monkeypatch.context() as patched:
        patched.setattr(Behind, "start", lambda self, work: work())
        waited = contents(fitted(asked(steps), tmp_path / "waited", given=table()).folder)
    sync, taken = os.fsync, []

    def slow(descriptor):  # steps of 1 ms pass by while a checkpoint of five syncs is written
        time.sleep(0.002)
        taken.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    behind = contents(fitted(asked(steps), tmp_path / "behind", given=table()).folder)
    assert behind.keys() == waited.keys()
    assert len({path.parent for path in behind}) == steps
    assert len(taken) > 5 * steps
    same = {path.parent for path in behind} - {path.parent for path in behind if behind[path] != waited[path]}
    ROW.note(steps, len(same))
    assert len(same) == steps


def test_a_save_that_fails_behind_is_told_at_a_later_step_and_the_run_goes_on_from_the_one_before(tmp_path, monkeypatch):
    whole = fitted(asked(12), tmp_path / "whole", given=table())
    write = RunFolder.write_checkpoint

    def refused(folder, step, files, *, stamp=None):
        if step == 5:
            raise ResourceRefusal("DISK_FULL", "no room", where=str(folder.path), why="tried here", fix="free space")
        return write(folder, step, files, stamp=stamp)

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "write_checkpoint", refused)
        with pytest.raises(ResourceRefusal, match="DISK_FULL"):
            fitted(asked(12), tmp_path / "run", given=table())
    folder = RunFolder(tmp_path / "run")
    assert folder.steps()[0] == 4
    resumed = fitted(asked(12), tmp_path / "run", given=table(), resume=True)
    newest = [contents(one.folder) for one in (whole, resumed)]
    assert newest[0] == newest[1]
