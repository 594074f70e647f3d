"""RUN-03 to RUN-05 in whole runs: a folder that is renamed, removed, replaced or can no longer be written while it learns."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.refusing import expect_refusal
from tests.training.resuming import At
from thalweg import api
from thalweg.core.run_folder import RunFolder
from thalweg.core.run_lock import LOCK
from thalweg.core.talk import Talk
from thalweg.training.fit import fit
from thalweg.verbs import train as verb

ASKED: dict[str, Any] = {
    "model": "mlp",
    "rule": {"epochs": 6, "batch_size": 45},
    "threads": 1,
    "checkpoint_steps": 2,
    "compare": False,
    "check": False,
}


def disturbed(monkeypatch: pytest.MonkeyPatch, out: Path, step: int, act: Callable[[], Any]) -> None:
    """A run in whose midst something happens to its folder."""

    def fitted(*given: Any, **named: Any) -> Any:
        return fit(*given, **named, listeners={"disturbing": At(step, act)})

    with monkeypatch.context() as patch:
        patch.setattr(verb, "fit", fitted)
        api.train("iris", settings=ASKED, out=out, talk=Talk())


def bits(out: Path) -> tuple[bytes, bytes]:
    return (out / "metrics.jsonl").read_bytes(), (out / "model" / "weights.safetensors").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The run undisturbed."""
    with pytest.MonkeyPatch.context() as patched:
        out = tmp_path_factory.mktemp("whole") / "run"
        disturbed(patched, out, 0, bool)
    return bits(out)


def goes_on(monkeypatch: pytest.MonkeyPatch, out: Path) -> tuple[bytes, bytes]:
    """What the run comes to when it is taken up."""

    def fitted(*given: Any, **named: Any) -> Any:
        return fit(*given, **named, listeners={"disturbing": At(0, bool)})

    with monkeypatch.context() as patch:
        patch.setattr(verb, "fit", fitted)
        api.train("iris", out=out, resume=True)
    return bits(out)


@pytest.mark.parametrize("step", [5, 6])
def test_run_04_a_run_whose_folder_is_renamed_ends_at_once_and_goes_on_under_its_new_name(tmp_path, monkeypatch, whole, step):
    out, moved = tmp_path / "run", tmp_path / "moved"
    with expect_refusal("RUN_FOLDER_GONE", exit_code=6) as caught:
        disturbed(monkeypatch, out, step, lambda: out.rename(moved))
    assert caught.value.where == str(out)
    assert f"--resume --out {moved}" in caught.value.fix
    assert not out.exists(), "nothing is written where no run stands"
    assert not (moved / LOCK).exists(), "nobody holds it"
    assert goes_on(monkeypatch, moved) == whole


def test_run_04_a_run_whose_folder_is_moved_far_away_is_told_how_to_go_on(tmp_path, monkeypatch):
    out, far = tmp_path / "run", tmp_path / "far" / "away"
    far.parent.mkdir()
    with expect_refusal("RUN_FOLDER_GONE", exit_code=6) as caught:
        disturbed(monkeypatch, out, 5, lambda: out.rename(far))
    assert "if it was renamed" in caught.value.fix
    assert not out.exists()


def wait_for_the_checkpoint(out: Path) -> None:
    """What is being written just now lies in the folder, too."""
    until = time.monotonic() + 20
    while RunFolder(out).steps()[:1] != [4] and time.monotonic() < until:
        time.sleep(0.01)


def test_run_04_a_run_whose_folder_is_removed_is_not_made_again_in_part(tmp_path, monkeypatch, whole):
    out = tmp_path / "run"

    def remove() -> None:
        wait_for_the_checkpoint(out)
        shutil.rmtree(out)

    with expect_refusal("RUN_FOLDER_GONE", exit_code=6) as caught:
        disturbed(monkeypatch, out, 5, remove)
    assert "repeat the command" in caught.value.fix
    assert not out.exists()
    disturbed(monkeypatch, out, 0, bool)
    assert bits(out) == whole


def test_run_04_another_run_in_the_folders_place_is_not_written_into(tmp_path, monkeypatch, whole):
    out, moved = tmp_path / "run", tmp_path / "moved"

    def replace() -> None:
        wait_for_the_checkpoint(out)
        out.rename(moved)
        RunFolder.create(out)
        (out / LOCK).write_bytes((moved / LOCK).read_bytes().replace(str(os.getpid()).encode(), b"1"))

    with expect_refusal("RUN_FOLDER_GONE", exit_code=6) as caught:
        disturbed(monkeypatch, out, 5, replace)
    assert "what stands there as run is not it" in caught.value.what
    assert sorted(os.listdir(out)) == [LOCK, "run.json"]
    assert goes_on(monkeypatch, moved) == whole


def test_run_04_a_folder_that_vanishes_after_training_is_not_made_again_in_part(tmp_path, monkeypatch, whole):
    out, moved = tmp_path / "run", tmp_path / "moved"

    class Moving(Talk):
        def live(self, label: str, text: str, share: float | None = None) -> None:
            if label == "compare" and out.exists():
                out.rename(moved)

    with expect_refusal("RUN_FOLDER_GONE", exit_code=6):
        api.train("iris", settings={**ASKED, "compare": True}, out=out, talk=Moving())
    assert not out.exists()
    left = RunFolder.existing(moved)
    assert (left.state(), bool(left.newest_checkpoint().folder)) == ("unfinished", True)
