"""What every way of learning is held to: a run cut anywhere ends with the same bits, and its package works elsewhere.

`assert_resumes_to_the_same_bits` trains once without a break, then goes on from the checkpoint of every cut and compares
weights, metrics and all that the last checkpoint remembers. A cut is the number of steps done; at 0 there is no checkpoint yet.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thalweg.core.run_folder import RunFolder
from thalweg.packages.package import Package
from thalweg.training import checkpoints
from thalweg.training.fit import Fitted, Interrupted, fit
from thalweg.training.requested import run_settings
from thalweg.training.stage import Own

STAGE = checkpoints.STAGE
PREDICT = """
import json, sys
import numpy as np
import torch
from thalweg.packages.package import load_package
torch.set_num_threads(1)
path, asked = sys.argv[1], json.load(sys.stdin)
columns = asked["columns"] and {name: np.array(values, dtype=dtype) for name, (values, dtype) in asked["columns"].items()}
said = load_package(path).predict(columns, seed=asked["seed"], request=asked["request"])
print(json.dumps({name: np.asarray(column).tolist() for name, column in said.items()}))
"""


class StopAt:
    """A listener that lets the signal of an impatient user come during one step, the last of a stage or any other."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, progress, rule) -> None:
        if progress.position.step == self.step:
            signal.raise_signal(signal.SIGINT)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""


def fitted(settings: Mapping[str, Any], path: Path, *, given: Any = None, own: Own | None = None, **how: Any) -> Fitted:
    """A training in a folder, on one thread, as `tw.train` does it but for evaluation and report.

    Args:
        settings: of the run, as in `settings.yaml`; `source` names the data where `given` does not hold them.
        how: `resume`, `listeners` of `fit`.
    """
    folder = RunFolder.create(path, resume=how.get("resume", False))
    with folder.lock():
        return fit(run_settings({"threads": 1, **settings}), given=given, own=own, folder=folder, **how)


def assert_resumes_to_the_same_bits(
    settings: Mapping[str, Any], tmp_path: Path, *, given: Any = None, cuts: Iterable[int] = (0, 1), own: Own | None = None
) -> Fitted:
    """Train without a break, then from each cut, from the interrupted last step and from the finished stage; compare all bits.

    Args:
        settings: of a short run; a checkpoint is written at every step.
        cuts: steps done when the run was killed; choose some at which nothing is evaluated or collected.

    Returns:
        The training without a break.
    """
    settings = {**settings, "checkpoint_steps": 1, "checkpoints_kept": 1000}
    whole = fitted(settings, tmp_path / "whole", given=given, own=own)
    for cut in cuts:
        killed = _killed(whole.folder.path, tmp_path / f"cut-{cut}", after=cut)
        _compare(whole, fitted(settings, killed, given=given, own=own, resume=True), f"cut after step {cut}")
    ended = _killed(whole.folder.path, tmp_path / "ended", after=whole.steps)
    _compare(whole, fitted(settings, ended, given=given, own=own, resume=True), "cut after the end of the stage")
    if whole.steps and len(whole.settings.stages) == 1:
        path = _interrupted(settings, tmp_path / "interrupted", at=whole.steps, given=given, own=own)
        _compare(whole, fitted(settings, path, given=given, own=own, resume=True), "interrupted in the last step")
    return whole


def _interrupted(settings: Mapping[str, Any], path: Path, *, at: int, given: Any, own: Own | None) -> Path:
    with pytest.raises(Interrupted):
        fitted(settings, path, given=given, own=own, listeners={"stop": StopAt(at)})
    assert not (path / "model").exists(), "an interrupted run shipped a package"
    return path


def _killed(path: Path, copy: Path, *, after: int) -> Path:
    """What a kill after so many steps leaves: later checkpoints and the package are gone, lines of metrics may be too many."""
    shutil.copytree(path, copy)
    shutil.rmtree(copy / "model")
    steps = RunFolder(copy).steps()
    stage = max(steps) // STAGE
    for step in steps:
        if step > stage * STAGE + after or after == 0:
            shutil.rmtree(copy / "checkpoints" / str(step))
    return copy


def _compare(whole: Fitted, resumed: Fitted, how: str) -> None:
    """Every tensor and number that either run left behind."""
    for name in ("model/weights.safetensors", "metrics.jsonl"):
        ours, theirs = (_bytes(one.folder.path / name) for one in (whole, resumed))
        assert ours == theirs, f"{name} differs: {how}"
    ours, theirs = (one.folder.steps() for one in (whole, resumed))
    assert ours[0] == theirs[0], f"the last checkpoint is of another step: {how}"
    last = whole.folder.checkpoints / str(ours[0])
    for file in sorted(path.name for path in last.iterdir() if path.name != "manifest.json"):
        same = _bytes(last / file) == _bytes(resumed.folder.checkpoints / str(ours[0]) / file)
        assert same, f"{file} of the last checkpoint differs: {how}"


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def assert_new_process_predicts_the_same(
    trained: Fitted | Package,
    path: Path,
    columns: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Load the package in a process of its own and predict there; every value must be the one that is predicted here.

    Args:
        path: the package's folder (`fitted.folder.model`).
        columns: raw input columns; None where the request alone says what is wanted.

    Returns:
        What was predicted here.
    """
    package = trained.package if isinstance(trained, Fitted) else trained
    here = package.predict(columns, seed=seed, request=request)
    arrays = {name: np.asarray(column) for name, column in (columns or {}).items()}
    asked = {
        "columns": {name: (array.tolist(), array.dtype.str) for name, array in arrays.items()} or None,
        "request": dict(request or {}),
        "seed": seed,
    }
    command = [sys.executable, "-c", PREDICT, str(path)]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    assert sorted(there) == sorted(here), "the new process predicts other columns"
    for name, column in here.items():
        assert json.dumps(there[name]) == json.dumps(np.asarray(column).tolist()), f"{name} differs in a new process"
    return here
