"""The run folder: nobody's files are lost, one process holds it, and what a kill left is swept."""

import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys

import pytest

from tests.core.faults import counted, failing_at
from thalweg.core.errors import PackageRefusal, ResourceRefusal, UsageRefusal
from thalweg.core.files import write_folder
from thalweg.core.manifest import open_folder
from thalweg.core.run_folder import MARKER, RunFolder
from thalweg.core.run_lock import LOCK, take_lock

PAYLOAD = {"state.json": b"{}"}


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run")


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_layout_is_that_of_the_guide(run):
    names = [run.settings, run.environment, run.data, run.metrics, run.trace, run.log, run.checkpoints, run.model, run.results]
    assert [path.name for path in [*names, run.report, run.predictions]] == [
        *("settings.yaml", "environment.json", "data.json", "metrics.jsonl", "trace.jsonl", "log.txt"),
        *("checkpoints", "model", "results.json", "report.html", "predictions.parquet"),
    ]
    assert all(path.parent == run.path for path in names)


def test_states_follow_a_run(tmp_path):
    run = RunFolder(tmp_path / "run")
    assert run.state() == "absent"
    run.path.mkdir()
    assert run.state() == "empty"
    RunFolder.create(run.path)
    assert run.state() == "unfinished"
    run.finish()
    assert run.state() == "finished"
    assert RunFolder.existing(run.path) == run


def test_fresh_names_count_up(tmp_path):
    names = [RunFolder.fresh("fashion mnist/v1", root=tmp_path / "runs").path.name for _ in range(3)]
    assert names == ["fashion-mnist-v1", "fashion-mnist-v1-2", "fashion-mnist-v1-3"]
    assert RunFolder.fresh("../..", root=tmp_path / "runs").path.name == "run"
    assert os.listdir(tmp_path) == ["runs"]


def test_cli_11_a_finished_run_is_not_written_over(run):
    run.results.write_text("{}")
    run.finish()
    before = content(run.path)
    for resume in (False, True):
        with pytest.raises(UsageRefusal, match="finished run") as caught:
            RunFolder.create(run.path, resume=resume)
        assert caught.value.exit_code == 2
        assert "run-2" in caught.value.fix
        assert "--force" in caught.value.fix
    assert content(run.path) == before


def test_cli_11_an_unfinished_run_is_resumed_only_when_that_is_said(run):
    run.write_checkpoint(5, PAYLOAD)
    before = content(run.path)
    with pytest.raises(UsageRefusal, match="unfinished run") as caught:
        RunFolder.create(run.path)
    assert "--resume" in caught.value.fix
    assert RunFolder.create(run.path, resume=True).steps() == [5]
    assert content(run.path) == before


def test_cli_11_a_folder_with_foreign_files_is_refused_and_kept(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("thesis.tex", "notes.md"):
        (folder / name).write_text("mine")
    before = content(folder)
    with pytest.raises(UsageRefusal, match=r"notes\.md, thesis\.tex") as caught:
        RunFolder.create(folder)
    assert "project-2" in caught.value.fix
    assert content(folder) == before
    run = RunFolder.create(folder, force=True)
    assert before.items() <= content(folder).items()
    run.finish()
    RunFolder.create(folder, force=True)
    assert before.items() <= content(folder).items()


@pytest.mark.parametrize("name", ["data.json", "model", MARKER])
def test_cli_11_force_never_takes_a_foreign_file_for_its_own(tmp_path, name):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / name).write_text("{}")
    with pytest.raises(UsageRefusal, match=name):
        RunFolder.create(tmp_path / "project", force=True)
    assert content(tmp_path / "project") == {name: b"{}"}


def test_cli_11_force_replaces_a_run_and_keeps_what_is_foreign(run):
    for step in (1, 2, 3):
        run.write_checkpoint(step, PAYLOAD)
    (run.checkpoints / "2" / "mine.txt").write_text("mine")
    run.metrics.write_text("{}\n")
    (run.path / "mine.txt").write_text("mine")
    run.finish()
    before = content(run.path)
    again = RunFolder.create(run.path, force=True)
    assert content(run.path) == before  # a run that is refused for its data takes nothing with it
    again.begin()
    assert again.state() == "unfinished"
    assert again.steps() == []
    kept = content(run.path)
    assert {name for name in kept if "mine" in name} == {"mine.txt", "checkpoints/2.damaged-1/mine.txt"}
    assert not run.metrics.exists()


def test_cli_11_force_does_not_clear_a_run_that_is_training(run):
    run.write_checkpoint(1, PAYLOAD)
    with run.lock(), pytest.raises(UsageRefusal, match="holds this run"):
        RunFolder.create(run.path, force=True)
    assert run.steps() == [1]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_cli_12_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, monkeypatch, number):
    with (
        counted(monkeypatch, failing_at(number, 30), calls=("mkdir", "open", "write", "fsync")),
        pytest.raises(ResourceRefusal),
    ):
        RunFolder.create(tmp_path / "run")
    assert os.listdir(tmp_path) == []


def test_cli_12_a_parent_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceRefusal, match="could not be written"):
        RunFolder.create(tmp_path / "file" / "run")


@pytest.mark.parametrize("name", ["run ", " run", "ru\0n"])
def test_cli_13_names_that_are_easily_lost_are_refused(tmp_path, name):
    with pytest.raises(UsageRefusal):
        RunFolder.create(tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_cli_13_a_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name in ("run", "nowhere"):
        with pytest.raises(UsageRefusal, match="is a file") as caught:
            RunFolder.create(tmp_path / name, force=True)
        assert caught.value.exit_code == 2
    assert (tmp_path / "run").read_text() == "mine"


def test_cli_13_a_run_inside_its_data_is_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    for make in (
        lambda: RunFolder.create(tmp_path / "photos" / "cats" / "run", inputs=tmp_path / "photos"),
        lambda: RunFolder.create(tmp_path / "photos", inputs=tmp_path / "photos"),
        lambda: RunFolder.fresh("run", root=tmp_path / "photos" / "runs", inputs=tmp_path / "photos"),
    ):
        with pytest.raises(UsageRefusal, match="inside the data"):
            make()
    assert os.listdir(tmp_path / "photos") == []
    RunFolder.create(tmp_path / "photos-run", inputs=tmp_path / "photos")


def test_what_is_no_run_is_not_opened_as_one(tmp_path):
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageRefusal) as caught:
            RunFolder.existing(path)
        assert caught.value.code == "RUN_NOT_FOUND"


def test_a_run_whose_mark_was_damaged_is_told_by_the_file(run):
    (run.path / "run.json").write_text((run.path / "run.json").read_text().replace("thalweg.run", "thalweg.rum"))
    with pytest.raises(PackageRefusal, match=r"run\.json") as caught:
        RunFolder.existing(run.path)
    assert caught.value.code == "RUN_DAMAGED"


def test_the_run_of_the_nearest_name_is_offered_for_one_that_is_not_there(run):
    with pytest.raises(UsageRefusal) as caught:
        RunFolder.existing(run.path.with_name(run.path.name + "n"))
    assert caught.value.fix == f"did you mean {run.path}?"


def test_a_run_of_a_newer_release_is_refused(run):
    (run.path / MARKER).write_text(json.dumps({"format": "thalweg.run", "version": 2}))
    for act in (lambda: RunFolder.existing(run.path), lambda: RunFolder.create(run.path, force=True)):
        with pytest.raises(PackageRefusal, match="version 2"):
            act()


def hold(path, ready, done):
    with RunFolder(path).lock():
        ready.set()
        done.wait()


def test_cli_21_a_second_process_is_refused_with_the_first_ones_name(run):
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(run.path, ready, done))
    process.start()
    ready.wait()
    with pytest.raises(UsageRefusal) as caught:
        run.lock()
    assert caught.value.code == "RUN_LOCKED"
    assert str(process.pid) in caught.value.what
    assert socket.gethostname() in caught.value.what
    assert "since 2" in caught.value.what
    assert f"rm {run.path / LOCK}" in caught.value.fix
    done.set()
    process.join()
    with run.lock() as lock:
        assert lock.note is None


def test_cli_21_the_lock_of_a_killed_process_is_taken_over_with_a_note(run):
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(run.path, ready, done))
    process.start()
    ready.wait()
    os.kill(process.pid, 9)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, but its number is not free yet
    with run.lock() as lock:
        assert str(process.pid) in lock.note
    process.join()
    assert not (run.path / LOCK).exists()


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({}, False),
        ({"boot": "another"}, True),
        ({"started": "1"}, True),
        ({"pid": 2**22 + 1}, True),
        ({"host": "elsewhere"}, False),
        ({"host": "elsewhere", "pid": 2**22 + 1}, False),
    ],
)
def test_run_06_only_a_process_that_is_surely_gone_loses_its_lock(run, change, stale):
    with take_lock(run.path):
        facts = json.loads((run.path / LOCK).read_text()) | change
    (run.path / LOCK).write_text(json.dumps(facts))
    if stale:
        assert run.lock().note
    else:
        with pytest.raises(UsageRefusal):
            run.lock()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "1"}', "x" * 10_000])
def test_a_lock_that_cannot_be_read_is_not_taken(run, text):
    (run.path / LOCK).write_text(text)
    with pytest.raises(UsageRefusal, match="cannot be read"):
        run.lock()


def test_a_process_cannot_lock_twice_and_a_child_does_not_let_go(run):
    with run.lock() as lock:
        with pytest.raises(UsageRefusal):
            run.lock()
        child = os.fork()
        if child == 0:
            lock.release()
            os._exit(0)
        os.waitpid(child, 0)
        assert (run.path / LOCK).exists()
    assert not (run.path / LOCK).exists()
    lock.release()


def test_cli_21_of_many_that_start_at_once_one_gets_the_lock(run):
    program = (
        "import sys, pathlib\n"
        "from thalweg.core.run_folder import RunFolder\n"
        "from thalweg.core.errors import UsageRefusal\n"
        "sys.stdin.readline()\n"
        "try:\n    RunFolder(pathlib.Path(sys.argv[1])).lock(); print('held', flush=True)\n"
        "except UsageRefusal:\n    print('refused', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    gone = {"pid": 2**22 + 1, "host": socket.gethostname(), "boot": "", "started": "", "since": ""}
    (run.path / LOCK).write_text(json.dumps(gone))
    command = [sys.executable, "-c", program, str(run.path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.stdout.readline().strip() for process in processes]
    for process in processes:
        process.communicate("end\n")
    assert sorted(answers) == ["held"] + ["refused"] * 5


def test_what_a_thread_writes_into_an_abandoned_run_leaves_it_a_run(tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path / "late")
    unlink = os.unlink

    def late(path):
        unlink(path)
        (run.path / "checkpoints").mkdir()

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", late)
        run.abandon()
    assert run.state() == "unfinished"


def test_the_lock_sweeps_what_killed_processes_left(run):
    for folder in (run.checkpoints, run.baselines):
        folder.mkdir()
    for folder in (run.path, run.checkpoints, run.baselines):
        (folder / ".5.tmp99999999-1").mkdir()
    with run.lock():
        assert os.listdir(run.checkpoints) == []
        assert os.listdir(run.baselines) == []
        assert not [name for name in os.listdir(run.path) if ".tmp" in name]


def test_what_was_judged_comes_back_where_a_kill_fell_between_two_renames(run):
    write_folder(run.judged, PAYLOAD, format="thalweg.judged", version=1, stamp={})
    os.rename(run.judged, run.path / ".judged.replaced")
    assert run.foreign() == []
    with run.lock():
        assert open_folder(run.judged, format="thalweg.judged", newest=1).bytes("state.json") == PAYLOAD["state.json"]


def test_torch_is_not_imported_by_files_and_folders():
    program = "import sys, thalweg.core.run_folder; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_r01_whoever_takes_up_a_run_ends_the_replacements_that_a_kill_cut_short(run):
    for step in (4, 5):
        run.write_checkpoint(step, PAYLOAD)
    os.rename(run.checkpoints / "4", run.checkpoints / ".4.replaced")  # before the new one took its name
    shutil.copytree(run.checkpoints / "5", run.checkpoints / ".5.replaced")  # before the old one was gone
    with run.lock():
        assert sorted(os.listdir(run.checkpoints)) == ["4", "5"]
        assert run.newest_checkpoint().folder.manifest.stamp["step"] == 5
