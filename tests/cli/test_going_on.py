"""The same command, repeated, goes on with the run that it began; any other leaves that run as it is."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_interrupts import ASKED, interrupted_in
from thalweg import api
from thalweg.core.errors import UsageRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.run_lock import LOCK
from thalweg.core.talk import Talk

QUICK = [
    "--model",
    "mlp",
    "--epochs",
    "3",
    "--batch-size",
    "45",
    "--threads",
    "1",
    "--set",
    "checkpoint_steps=4",
    "--no-compare",
]
SIX = "resumed at step 4 of 6"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Heard(Talk):
    def __init__(self):
        self.said = ""

    def say(self, label, *lines):
        self.said += " ".join((label, *lines, ""))


def stopped(data="iris", **options):
    """A run that was stopped after step 4 of 6."""
    with interrupted_in(4):
        api.train(data, settings=ASKED, compare=False, talk=Talk(), **options)


def killed(path, *, but=()):
    """What a kill leaves: the lock of a process that is gone, and nothing of what is named."""
    folder = RunFolder(Path(path))
    with folder.lock():
        facts = json.loads((folder.path / LOCK).read_text())
    (folder.path / LOCK).write_text(json.dumps(facts | {"started": "1"}))
    for name in but:
        (folder.path / name).unlink()
    return folder


def names():
    return sorted(path.name for path in Path("runs").iterdir())


def flat(text):
    return " ".join(text.split())


def test_cli_11_the_same_command_goes_on_with_its_unfinished_run_and_ends_with_the_same_bits(line):
    whole = api.train("iris", settings=ASKED, compare=False, out="whole")
    stopped(out="run")
    ran = line("train", "iris", *QUICK, "--out", "run")
    assert ran.code == 0, ran.err
    assert "goes on with the unfinished run in run; to begin anew: --force" in flat(ran.err)
    assert SIX in flat(ran.err)
    for name in ("model/weights.safetensors", "metrics.jsonl"):
        assert Path("run", name).read_bytes() == (whole.path / name).read_bytes()


def test_cli_11_another_command_is_refused_and_every_difference_is_told(line):
    stopped(out="run")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    other = [*QUICK, "--epochs", "9", "--seed", "4", "--group", "species"]
    other.remove("3")
    other.remove("--epochs")
    told = line.refused(2, "train", "iris", *other, "--out", "run")
    assert told["code"] == "RESUME_CHANGED"
    for one in ("rule.epochs: 3 there, 9 now", "seed: 0 there, 4 now", "data.group: not said there, species now"):
        assert one in told["what"]
    assert "thalweg train --resume --out run" in told["fix"]
    assert "--force" in told["fix"]
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before


def test_a_command_without_a_folder_goes_on_with_what_it_began_and_then_counts_on(line):
    stopped()
    ran = line("train", "iris", *QUICK)
    assert ran.code == 0, ran.err
    assert "goes on with runs/iris, which did not finish; to begin anew: --fresh" in flat(ran.err)
    assert SIX in flat(ran.err)
    assert names() == ["iris"]
    again = line("train", "iris", *QUICK)
    assert "goes on" not in again.err
    assert names() == ["iris", "iris-2"]


def test_fresh_begins_anew_and_leaves_the_unfinished_run(line):
    stopped()
    ran = line("train", "iris", *QUICK, "--fresh")
    assert ran.code == 0, ran.err
    assert names() == ["iris", "iris-2"]
    assert RunFolder(Path("runs/iris")).steps() == [4]
    assert line.refused(2, "train", "iris", "--fresh", "--out", "runs/iris")["code"] == "RUN_UNFINISHED"


def test_cli_08_resume_and_fresh_cannot_both_be_meant(line):
    assert line.refused(2, "train", "iris", "--resume", "--fresh", "--out", "run")["code"] == "FLAGS_CONFLICT"


def test_of_several_unfinished_runs_the_newest_that_was_asked_for_so_is_gone_on_with():
    for seed in (1, 2, 2, 3):
        stopped(seed=seed, resume=False)
    heard = Heard()
    assert api.train("iris", settings=ASKED, compare=False, seed=2, talk=heard).path == Path("runs/iris-3")
    assert "goes on with runs/iris-3" in heard.said
    anew = api.train("iris", settings=ASKED, compare=False, seed=2)
    assert anew.path == Path("runs/iris-5"), "what it began last has finished"


def test_a_run_that_another_process_trains_is_left_to_it():
    stopped()
    child = os.fork()
    if not child:
        lock = Path("runs/iris") / LOCK
        with RunFolder(Path("runs/iris")).lock():
            Path("held").touch()
            signal.pause()
        lock.unlink()
    try:
        while not Path("held").exists():
            pass
        assert api.train("iris", settings=ASKED, compare=False).path == Path("runs/iris-2")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert RunFolder(Path("runs/iris")).steps() == [4]


def test_run_06_a_command_that_is_refused_takes_nothing_from_the_process_that_holds_the_run(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    with folder.lock():
        with pytest.raises(UsageRefusal, match="holds this run"):
            api.train("iris", settings=ASKED, out=tmp_path / "run", resume=True)
        assert folder.state() == "unfinished"


@pytest.mark.parametrize("lost", [(), ("settings.yaml",)])
def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again_in_its_folder(lost):
    stopped()
    folder = killed("runs/iris", but=lost)
    for step in folder.steps():
        (folder.checkpoints / str(step)).rename(f"gone-{step}")
    heard = Heard()
    run = api.train("iris", settings=ASKED, compare=False, talk=heard)
    assert run.path == folder.path
    assert "no checkpoint was saved yet" in heard.said
    assert len((run.path / "metrics.jsonl").read_text().splitlines()) == 3


def test_a_folder_in_which_nobody_has_begun_yet_is_not_taken():
    RunFolder.fresh("iris")
    assert api.train("iris", settings=ASKED, compare=False).path == Path("runs/iris-2")


def table(path, *, rows):
    drawn = np.random.default_rng(0).normal(size=(rows, 2))
    lines = [
        f"{x:.4f},{y:.4f},{'up' if x + y + error > 0 else 'down'}\n"
        for (x, y), error in zip(drawn, drawn[::-1, 0], strict=True)
    ]
    Path(path).write_text("x,y,kind\n" + "".join(lines))


def test_pkg_25_a_file_that_changed_since_begins_a_new_run_or_is_refused_with_what_differs():
    table("rows.csv", rows=200)
    stopped("rows.csv", target="kind")
    table("rows.csv", rows=190)
    with pytest.raises(UsageRefusal, match=r"parts\.train: 120 there, 114 now") as caught:
        api.train("rows.csv", target="kind", settings=ASKED, compare=False, out="runs/rows")
    assert caught.value.code == "RESUME_CHANGED"
    heard = Heard()
    run = api.train("rows.csv", target="kind", settings=ASKED, compare=False, talk=heard)
    assert run.path == Path("runs/rows-2")
    assert "runs/rows is left as it is: the data are not those" in heard.said
    assert RunFolder(Path("runs/rows")).steps(), "it can still be gone on with where its data come back"


def test_objects_are_gone_on_with_by_their_values():
    x = np.random.default_rng(0).normal(size=(90, 3))
    y = np.array(["a", "b", "c"])[np.arange(90) % 3]
    stopped((x, y))
    assert api.train((x + 1, y), settings=ASKED, compare=False).path == Path("runs/arrays-2")
    assert api.train((x, y), settings=ASKED, compare=False, resume=False).path == Path("runs/arrays-3")
    stopped((x, y), resume=False)
    assert api.train((x, y), settings=ASKED, compare=False).path == Path("runs/arrays-4")


def test_what_can_be_read_once_only_begins_anew():
    drawn = np.random.default_rng(0).normal(size=(80, 2)).round(3).tolist()
    rows = [{"x": x, "y": y, "kind": "up" if x > y else "down"} for x, y in drawn]
    for _ in range(2):
        stopped(iter(rows), target="kind")
    assert names() == ["arrays", "arrays-2"]
