"""R11: float16 with a scale of losses, cut after any of fifty steps: scale, counts and weights go on as they were."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reliability.figures import Row, sized
from tests.training.resuming import fitted
from thalweg.core.run_folder import RunFolder
from thalweg.core.tensors import tree_from_folder

SCALED = Row(
    "R11", "resumes of float16 trainings: scales, counts of steps since the last spared one and bits as without a break"
)
STEPS = 50
SETTINGS = {
    "model": {"name": "mlp", "hidden": [8]},
    "rule": {"steps": STEPS, "batch_size": 16, "optimizer": "sgd", "rate": 0.001, "schedule": "constant", "average": 0.9},
    "precision": "float16",
    "data": {"target": "y"},
    "evaluate_every": 10,
    "checkpoint_steps": 1,
    "checkpoints_kept": 1000,
}
"""Slopes of the squared loss, times the scale with which a run begins, are beyond float16 in the first steps."""


def columns() -> dict[str, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(80, 4)).astype("float32")
    return {"x": x, "y": x @ np.arange(4)}


def scales(folder: RunFolder) -> dict[int, tuple[float, int]]:
    """The scale after each step that has a checkpoint, and the steps taken since it was halved."""
    held = {step: tree_from_folder(folder.checkpoint(step))["rule"]["descent"] for step in folder.steps()}
    return {step: (one["scale"], one["calm"]) for step, one in held.items()}


def cut(whole: RunFolder, path: Path, after: int) -> Path:
    """What a kill after so many steps leaves."""
    shutil.copytree(whole.path, path, ignore=shutil.ignore_patterns("model"))
    for step in whole.steps():
        if step > after:
            shutil.rmtree(path / "checkpoints" / str(step))
    return path


def left(folder: RunFolder, last: int) -> dict[str, Any]:
    paths = [folder.metrics, folder.model / "weights.safetensors", *(folder.checkpoints / str(last)).glob("state.*")]
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.timeout(300)
def test_r11_a_scaled_training_that_is_cut_after_any_step_goes_on_as_it_was(tmp_path):
    whole = fitted(SETTINGS, tmp_path / "whole", given=columns()).folder
    expected = scales(whole)
    spared = [step for step, (_, calm) in expected.items() if not calm]
    assert 2 <= len(spared) < STEPS / 2, "some steps are to be spared, and most are not"
    cuts = range(1, STEPS + 1) if sized(0, 1) else (min(spared), max(spared), max(spared) + 1)
    for after in cuts:
        resumed = fitted(SETTINGS, cut(whole, tmp_path / str(after), after), given=columns(), resume=True).folder
        assert scales(resumed) == expected, f"cut after {after}"
        assert left(resumed, STEPS) == left(whole, STEPS), f"cut after {after}"
        shutil.rmtree(resumed.path)
    SCALED.note(len(cuts), len(cuts))


@pytest.mark.reliability
def test_r11_the_scale_doubles_at_the_step_at_which_it_would_have(tmp_path):
    long = {**SETTINGS, "rule": {**SETTINGS["rule"], "steps": 2012}, "evaluate_every": 1000, "checkpoint_steps": 667}
    whole = fitted(long, tmp_path / "whole", given=columns()).folder
    scale, calm = scales(whole)[2001]
    assert calm > 1990, "it is about to double"
    assert scales(whole)[2012][0] == 2 * scale
    resumed = fitted(long, cut(whole, tmp_path / "cut", 2001), given=columns(), resume=True).folder
    assert left(resumed, 2012) == left(whole, 2012)
    SCALED.note(1, 1)
