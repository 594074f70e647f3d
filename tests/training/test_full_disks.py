"""A disk with too little room: told before the first step (CLI-12), or by a typed refusal at any file of a whole run (RUN-03).

The same command ends the run once there is room.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.refusing import expect_refusal
from thalweg import api
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk

ASKED: dict[str, Any] = {"model": "mlp", "rule": {"epochs": 6, "batch_size": 45}, "threads": 1, "speed": "plain"}
ASKED |= {"checkpoint_steps": 4, "compare": False, "check": False}
KINDS = {
    "settings.yaml": "settings.yaml",
    "metrics.jsonl": "metrics.jsonl",
    "trace.jsonl": "trace.jsonl",
    "checkpoints/.8": "checkpoints/8",
    ".model": "model",
    "learned": "learned.npy",
    "predictions": "predictions.parquet",
    "results": "results.json",
    "report": "report.html",
}
"""What stands in the path of each file, or in that of its temporary name; and what it is called."""
KEPT = ("metrics.jsonl", "model/weights.safetensors", "predictions.parquet")


@contextmanager
def full_at(folder: Path, part: str) -> Iterator[list[str]]:
    """The disk takes half of each file in whose path this stands, and no more; gives the paths that it refused."""
    real, refused = os.write, list[str]()

    def write(descriptor: int, data: Any) -> int:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if not path.startswith(f"{folder}/") or part not in path:
            return real(descriptor, data)
        if not refused and len(data) > 1:
            refused.append(path)
            return real(descriptor, memoryview(data)[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        yield refused


def trained(out: Path) -> dict[str, bytes]:
    api.train("iris", settings=ASKED, out=out, talk=Talk())
    return {name: (out / name).read_bytes() for name in KEPT}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the run comes to undisturbed."""
    return trained(tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize("part", KINDS)
def test_run_03_a_disk_that_is_full_at_any_file_of_a_run_is_told_and_the_same_command_ends_it(tmp_path, whole, part):
    out = tmp_path / "run"
    with full_at(out, part) as tried, expect_refusal("DISK_FULL", exit_code=6) as caught:
        trained(out)
    assert tried, "the file is written"
    assert caught.value.where.startswith(str(out))
    assert caught.value.what.startswith(f"{KINDS[part]} could not be written")
    assert "bytes needed" in caught.value.fix
    run = RunFolder(out)
    assert not [path for path in out.rglob("*") if ".tmp" in path.name], "nothing half-written remains"
    assert all(run.checkpoint(step) for step in run.steps())
    assert trained(out) == whole


def test_run_03_a_log_for_which_there_is_no_room_ends_no_training(tmp_path, whole):
    with full_at(tmp_path / "run", "log.txt") as tried:
        assert trained(tmp_path / "run") == whole
    assert tried
    assert RunFolder(tmp_path / "run").state() == "finished"


def test_run_03_a_disk_without_room_for_anything_is_told_by_the_runs_folder_before_training(tmp_path):
    out = tmp_path / "run"
    with full_at(out, "probe") as tried, expect_refusal("DISK_FULL", exit_code=6) as caught:
        trained(out)
    assert tried, "something is written"
    assert (caught.value.where, caught.value.what) == (str(out), "run could not be written: No space left on device")
    assert not out.exists()


def asked(*hidden: int) -> dict[str, Any]:
    """A net of these layers."""
    return ASKED | {"model": {"name": "mlp", "hidden": list(hidden)}}


@contextmanager
def free_bytes(count: int) -> Iterator[None]:
    """The system says that so many bytes are free on every disk."""
    told = shutil.disk_usage("/")._replace(free=count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: told)
        yield


def test_cli_12_too_little_room_for_the_checkpoints_is_told_before_the_first_step(tmp_path):
    out = tmp_path / "run"
    with free_bytes(100_000), expect_refusal("DISK_FULL", exit_code=6) as caught:
        api.train("iris", settings=asked(400, 400), out=out, talk=Talk())
    weights = 4 * (4 * 400 + 400 * 400 + 400 * 3)
    assert caught.value.details["needed_bytes"] > 4 * weights, "two checkpoints, a third beside them, and the package"
    assert not out.exists()


def test_cli_12_a_run_that_is_replaced_counts_as_room_and_stays_where_that_is_too_little(tmp_path):
    out = tmp_path / "run"
    api.train("iris", settings=asked(200, 200), out=out, talk=Talk())
    with free_bytes(600_000):
        with expect_refusal("DISK_FULL", exit_code=6):
            api.train("iris", settings=asked(800, 800), out=out, force=True, talk=Talk())
        assert RunFolder(out).state() == "finished"
        assert (out / "model/weights.safetensors").is_file()
        with expect_refusal("DISK_FULL", exit_code=6):
            api.train("iris", settings=asked(200, 200), out=tmp_path / "another", talk=Talk())
        api.train("iris", settings=asked(200, 200), out=out, force=True, talk=Talk())
    assert RunFolder(out).state() == "finished"
