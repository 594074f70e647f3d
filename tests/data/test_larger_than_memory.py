"""Data several times as large as the memory that a process may take are learned from.

What is limited is RLIMIT_DATA: all memory that the system must keep (heap, stacks, anonymous pages). Pages of mapped files are
not counted, since the system can drop them at any time and read them again.
"""

import contextlib
import io
import math
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fresh_process import Fresh
from tests.training.resuming import StopAt, assert_resumes_to_the_same_bits, fitted
from thalweg.cli.program import main
from thalweg.training.interruption import Interrupted

PHOTOS, SIDE, LIMIT = 90_000, 32, 60 * 10**6
"""Encoded 276 MB; bytes that the process may take beyond what it has once everything is imported."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An archive of coloured photos whose brightness tells their class."""
    path, random = tmp_path / "photos.npz", np.random.default_rng(0)
    bright = random.integers(0, 2, PHOTOS)
    pattern = random.integers(0, 200, (SIDE, SIDE, 3), dtype=np.uint8)
    np.savez(path, x=pattern + (bright * 50).astype(np.uint8)[:, None, None, None], y=bright)
    return path


SETTINGS = {"model": {"name": "mlp", "hidden": [16]}, "rule": {"name": "backpropagation", "epochs": 1, "batch_size": 512}}


def learned(source: str, folder: Path, cache: str) -> dict[str, Any]:
    """What one epoch came to."""
    run = fitted({"source": source, "data": {"cache": cache}, "augment": "none", **SETTINGS}, folder)
    stored = run.dataset.store.fields["x"]
    return {
        "same": (run.dataset.digest, run.history[-1], (run.folder.path / "model" / "weights.safetensors").read_bytes()),
        "accuracy": run.history[-1]["validation.accuracy"],
        "kept as": type(stored).__name__,
        "bytes": len(stored) * math.prod(stored.shape[1:]),
    }


def learned_within(source: str, folder: str, limit: int) -> tuple[dict[str, Any], str]:
    """One epoch while the process may take so many bytes more than it has now; and what becomes of data held in memory."""
    fitted({"source": "digits", "profile": True, **SETTINGS}, Path(folder, "first"))  # imports all, measures the machine
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    most = 1024 * int(lines["VmData"].split()[0]) + limit
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    found = learned(source, Path(folder, "narrow"), "auto")
    try:
        learned(source, Path(folder, "held"), "never")
    except MemoryError:
        return found, "no memory"
    return found, "held"


@pytest.mark.slow
def test_data_several_times_as_large_as_the_memory_are_learned_from_to_the_same_bits(photos: Path, tmp_path: Path):
    narrow, held = Fresh(learned_within, str(photos), str(tmp_path), LIMIT, XDG_CACHE_HOME=str(tmp_path / "cache")).answer()
    assert narrow["kept as"] == "Mapped"
    assert narrow["bytes"] > 4.5 * LIMIT
    assert narrow["accuracy"] > 0.95
    assert held == "no memory"
    wide = learned(str(photos), tmp_path / "wide", "never")
    assert wide["kept as"] == "Tensor"
    assert narrow["same"] == wide["same"]


def concluded_within(source: str, folder: str, limit: int) -> list[str]:
    """Let the whole command end, baselines and report too, within so many bytes more; returns who was compared."""
    quick = ["--model", "mlp", "--set", "model.hidden=[16]", "--epochs", "1", "--speed", "plain", "--no-check", "--quiet"]
    main(["train", "digits", *quick, "--out", f"{folder}/first"])  # imports all
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    most = 1024 * int(lines["VmData"].split()[0]) + limit
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = main(["train", source, *quick, "--augment", "none", "--out", f"{folder}/run"])
    assert code == 0, printed.getvalue()
    assert Path(folder, "run", "report.html").exists()
    return sorted(one.name for one in Path(folder, "run", "baselines").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(320)
def test_the_whole_command_ends_in_less_memory_than_its_data_take(photos: Path, tmp_path: Path):
    cache = str(tmp_path / "cache")
    compared = Fresh(concluded_within, str(photos), str(tmp_path), 4 * LIMIT, XDG_CACHE_HOME=cache).answer(seconds=300)
    assert {"logistic-regression", "k-nearest-neighbours", "random-forest"} <= set(compared)


@pytest.mark.slow
@pytest.mark.timeout(320)
@pytest.mark.parametrize("limit", [1_650, 1_750, 1_850])
def test_the_whole_command_ends_where_its_libraries_take_most_of_what_a_limit_leaves(photos: Path, tmp_path: Path, limit: int):
    quick = ["--model", "mlp", "--set", "model.hidden=[16]", "--epochs", "1", "--no-check", "--quiet", "--augment", "none"]
    command = [sys.executable, "-m", "thalweg", "train", photos, *quick, "--speed", "plain", "--out", tmp_path / "run"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    asked = [str(one) for one in ("sh", "-c", f'ulimit -d {limit * 1000}; exec "$@"', "sh", *command)]
    ran = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert Path(tmp_path, "run", "report.html").exists()


@pytest.mark.slow
def test_a_run_that_reads_its_data_from_files_resumes_to_the_same_bits_and_so_in_memory(tmp_path: Path):
    settings = {"source": "digits", "model": {"name": "mlp"}, "rule": {"name": "backpropagation", "steps": 12}}
    cached, held = ({**settings, "data": {"cache": cache}} for cache in ("always", "never"))
    whole = assert_resumes_to_the_same_bits(cached, tmp_path, cuts=(0, 5))
    assert whole.dataset.store.mapped
    with pytest.raises(Interrupted):
        fitted(cached, tmp_path / "run", listeners={"stop": StopAt(5)})
    resumed = fitted(held, tmp_path / "run", resume=True)
    assert not resumed.dataset.store.mapped
    assert resumed.history == whole.history
    ours, theirs = (Path(run.folder.path, "model", "weights.safetensors").read_bytes() for run in (whole, resumed))
    assert ours == theirs
