"""What every way of learning is held to: a run cut anywhere ends with the same bits, and its package works elsewhere.

`assert_resumes_to_the_same_bits` trains once without a break, then goes on from the checkpoint of every cut and compares
weights, metrics and all that the last checkpoint remembers. A cut is the number of steps done; at 0 there is no checkpoint yet.
"""

import json
import shutil
import signal
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fresh_process import Fresh
from tests.training.elsewhere import listed, predicted
from thalweg.core.run_folder import RunFolder
from thalweg.packages.package import Package
from thalweg.training import checkpoints
from thalweg.training.fit import Fitted, fit
from thalweg.training.interruption import Interrupted
from thalweg.training.requested import run_settings
from thalweg.training.stage import Own

STAGE = checkpoints.STAGE

Cut = int | tuple[int, int]
"""Steps done in the last stage, or a stage and the steps done in it."""


class At:
    """A listener that does something once, after a step."""

    def __init__(self, step: int, act: Callable[[], Any]) -> None:
        self.step, self.act = step, act

    def __call__(self, progress: Any, rule: Any) -> None:
        if progress.position.step == self.step:
            self.act()

    def due(self, progress: Any) -> float:
        return float(progress.position.step + 1)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""


class StopAt:
    """A listener that lets the signal of an impatient user come during one step, the last of a stage or any other."""

    def __init__(self, step: int, stage: int = 0) -> None:
        self.step, self.stage = step, stage

    def __call__(self, progress, rule) -> None:
        if (progress.position.stage, progress.position.step) == (self.stage, self.step):
            signal.raise_signal(signal.SIGINT)

    def due(self, progress) -> float:
        return progress.position.step + 1

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
    settings: Mapping[str, Any], tmp_path: Path, *, given: Any = None, cuts: Iterable[Cut] = (0, 1), own: Own | None = None
) -> Fitted:
    """Train without a break, then from each cut, from each stage's interrupted last step and from its end; compare all bits.

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
    for stage, step in _last_steps(whole):
        ended = _killed(whole.folder.path, tmp_path / f"ended-{stage}", after=(stage, step))
        _compare(whole, fitted(settings, ended, given=given, own=own, resume=True), f"cut after the end of stage {stage}")
        if step:
            stopped = tmp_path / f"interrupted-{stage}"
            _interrupt(settings, stopped, StopAt(step, stage), given=given, own=own)
            resumed = fitted(settings, stopped, given=given, own=own, resume=True)
            _compare(whole, resumed, f"interrupted in the last step of stage {stage}")
    return whole


def _last_steps(run: Fitted) -> list[tuple[int, int]]:
    """Each stage with its number of steps."""
    steps = sorted(run.folder.steps())
    return [
        (stage, max(step - stage * STAGE for step in steps if step // STAGE == stage)) for stage in {s // STAGE for s in steps}
    ]


def _interrupt(settings: Mapping[str, Any], path: Path, stop: StopAt, *, given: Any, own: Own | None) -> None:
    with pytest.raises(Interrupted):
        fitted(settings, path, given=given, own=own, listeners={"stop": stop})
    assert not (path / "model").exists(), "an interrupted run shipped a package"


def _killed(path: Path, copy: Path, *, after: Cut) -> Path:
    """What a kill after so many steps leaves: later checkpoints and the package are gone, lines of metrics may be too many."""
    shutil.copytree(path, copy)
    shutil.rmtree(copy / "model")
    steps = RunFolder(copy).steps()
    stage, done = after if isinstance(after, tuple) else (max(steps) // STAGE, after)
    for step in steps:
        if step > stage * STAGE + done or after == 0:
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
    packed = {name: _packed(column) for name, column in (columns or {}).items()}
    asked = {"columns": packed, "request": dict(request or {}), "seed": seed}
    there = json.loads(Fresh(predicted, str(path), json.dumps(asked)).answer())
    assert sorted(there) == sorted(here), "the new process predicts other columns"
    for name, column in here.items():
        assert json.dumps(there[name]) == json.dumps(listed(column)), f"{name} differs in a new process"
    return here


def _packed(column: Any) -> Any:
    """A column as JSON: values, type and shape of an array; row by row where rows differ in shape."""
    if isinstance(column, list) and len({np.shape(row) for row in column}) > 1:
        return [_packed(row) for row in column]
    array = np.asarray(column)
    return {"values": array.tolist(), "dtype": array.dtype.str, "shape": array.shape}
