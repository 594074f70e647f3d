"""Whatever a run is stopped in, what it learned stays whole, and the command that is printed ends it as if nothing had been."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.running import Ran, ended, process
from tests.cli.test_command_line import started
from tests.lint_refusal import assert_sound_refusal
from thalweg import api
from thalweg.cli import program
from thalweg.cli.terminal import Terminal
from thalweg.core import interrupts, later, run_folder, run_lock, run_log
from thalweg.core.errors import Stopped
from thalweg.core.interrupts import WANTED, hearing
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.training.interruption import Interrupted, Interruption
from thalweg.training.loop import Progress
from thalweg.verbs.train import _told

ASKED = {"model": "mlp", "rule": {"epochs": 3, "batch_size": 45}, "threads": 1, "checkpoint_steps": 4}


class Interrupting(Talk):
    """Sends this process a signal when a run first speaks of a phase: when it tells what that came to, or while it lasts.

    How soon a run speaks while it learns depends on the clock, hence `live`.
    """

    def __init__(self, label: str, number: int, *, live: bool = False) -> None:
        self.label, self.number, self.lively = label, number, live

    def say(self, label, *lines):
        self._send(label)

    def live(self, label, text, share=None):
        if self.lively:
            self._send(label)

    def _send(self, label):
        if label == self.label:
            self.label = ""
            os.kill(os.getpid(), self.number)


@contextmanager
def interrupted_in(step):
    """Within it, what is trained in this process is stopped by Ctrl-C at the end of a step, and saved there."""
    advance = Progress.advance

    def advancing(self, *given):
        advance(self, *given)
        if self.position.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "advance", advancing)
        with pytest.raises(Interrupted):
            yield


def figures(run):
    return {name: run.results[name] for name in ("metrics", "verdict")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same run, never stopped, by the first to look at its test part."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return figures(api.train("iris", settings=ASKED, out=tmp_path_factory.mktemp("runs") / "whole"))


@pytest.mark.parametrize("phase", ["data", "model"])
def test_cli_17_an_interrupt_before_the_first_step_leaves_nothing_behind(tmp_path, phase):
    with pytest.raises(KeyboardInterrupt):
        api.train("iris", settings=ASKED, out=tmp_path / "run", talk=Interrupting(phase, signal.SIGINT))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("phase", ["learn", "compare"])
def test_cli_17_a_run_that_is_stopped_after_a_phase_began_ends_the_same_when_it_is_resumed(tmp_path, whole, phase):
    out = tmp_path / "run"
    with pytest.raises(Interrupted) as caught:
        api.train("iris", settings=ASKED, out=out, talk=Interrupting(phase, signal.SIGINT, live=phase == "compare"))
    assert caught.value.exit_code == 130
    assert caught.value.fix == f"thalweg train --resume --out {out}"
    assert api.load(out).folder.state() == "unfinished"
    assert not [one for one in api.doctor(out)["findings"] if "code" in one], "no file is damaged"
    assert "TRAIN_STOPPED" in (out / "log.txt").read_text()
    assert figures(api.train("iris", out=out, resume=True)) == whole
    assert (out / "report.html").exists()


def test_cli_17_an_interrupt_that_compiled_code_keeps_to_itself_comes_again():
    class Asked:
        def __getattr__(self, name):
            os.kill(os.getpid(), signal.SIGTERM)
            return sum(range(1000))  # in which the signal is heard

    def stop(number):
        raise Stopped(number)

    is_there = ctypes.pythonapi.PyObject_HasAttrString
    is_there.argtypes = [ctypes.py_object, ctypes.c_char_p]

    def go_on():
        assert not is_there(Asked(), b"name"), "the interrupt came through"
        time.sleep(20)

    with hearing(stop), pytest.raises(Stopped):
        go_on()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_cli_17_an_interrupt_in_what_a_dying_object_calls_comes_again_and_nothing_else_is_said(line, monkeypatch):
    class Dying:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            sum(range(1000))  # in which the signal is heard

    def act(*given):
        Dying()
        time.sleep(20)

    monkeypatch.setattr(program, "_run", act)
    ran = line("list", "models")
    assert ran.code == 143
    assert_sound_refusal(143, ran.err)


LEAVING = """
import atexit, sys, time
from thalweg.cli import main
atexit.register(lambda: (print("leaving", flush=True), time.sleep(60)))
sys.argv = ["thalweg", "list", "models"]
sys.exit(main())
"""


def test_cli_17_one_more_interrupt_while_the_process_clears_up_ends_it_without_a_traceback():
    running = subprocess.Popen([sys.executable, "-c", LEAVING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while running.stdout.readline() not in ("leaving\n", ""):
        pass
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (-signal.SIGINT, "")


@pytest.mark.slow
def test_cli_17_a_run_that_was_stopped_between_results_and_report_gets_its_report(tmp_path, whole):
    out = tmp_path / "run"
    run = api.train("iris", settings=ASKED, out=out)
    run.folder._mark(finished=None)
    (out / "report.html").unlink()
    assert figures(api.train("iris", out=out, resume=True)) == whole
    assert (out / "report.html").exists()
    assert run.folder.state() == "finished"


@pytest.mark.reliability
@pytest.mark.timeout(500)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_cli_19_a_signal_after_training_has_its_exit_code_and_the_command_that_ends_the_run(tmp_path, number, code):
    former = signal.signal(number, signal.SIG_DFL)  # a process inherits what nohup ignores, and goes on ignoring it
    running = process("train", "iris", "--model", "mlp", "--epochs", "1", "--threads", "1", "--out", tmp_path / "run")
    signal.signal(number, former)
    shipped, until = tmp_path / "run/model/manifest.json", time.monotonic() + 300
    while not shipped.exists() and running.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert shipped.exists(), "what is to be tried comes after training"
    running.send_signal(number)
    ran = ended(running)
    assert ran.code == code, ran.err
    told = assert_sound_refusal(code, ran.err)
    again = ended(process(*told["fix"].split()[1:], "--no-compare"))
    assert again.code == 0, again.err
    assert "resumed at step" in " ".join(again.err.split())


def test_cli_19_a_signal_while_a_class_is_being_made_is_no_fault(tmp_path):
    class Interrupting:
        def __set_name__(self, owner, name):
            raise Stopped(signal.SIGTERM)

    folder = RunFolder.create(tmp_path / "run")
    with pytest.raises((RuntimeError, Stopped)) as caught:
        type("Made", (), {"field": Interrupting()})
    told = _told(caught.value, folder)
    assert isinstance(told, Stopped)
    assert told.number == signal.SIGTERM
    plain = RuntimeError("of the net")
    assert _told(plain, folder) is plain


def test_cli_19_a_signal_that_compiled_code_tells_as_an_error_of_its_own_is_no_fault(line, monkeypatch):
    def imported(*given):
        try:
            raise Stopped(signal.SIGHUP)
        except Stopped as stop:
            raise ValueError("'T{=d:count:}' is not a valid PEP 3118 buffer format string") from stop

    monkeypatch.setattr(program, "_run", imported)
    ran = line("list", "models")
    assert ran.code == 129
    assert "STOPPED  stopped by SIGHUP" in ran.err


def test_cli_19_a_signal_that_comes_where_python_lets_nothing_through_comes_again(line, monkeypatch):
    class Dying:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    def imported(*given):
        Dying()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            time.sleep(0.01)

    monkeypatch.setattr(program, "_run", imported)
    ran = line("list", "models")
    assert ran.code == 143
    assert "ignored" not in ran.err


def test_cli_18_a_second_signal_no_longer_waits_for_the_step_to_end():
    interruption = Interruption()
    with interruption.heard():
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.number == signal.SIGINT
        with pytest.raises(Stopped) as caught:
            os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.number == signal.SIGTERM


def interrupted_at(line, *, again):
    """Hear one signal, and one more at that line of what is done about the first; whether there was such a line."""
    left, places = [line], {interrupts.__file__, later.__file__, threading.__file__}

    def trace(frame, event, argument):
        if frame.f_code.co_filename not in places:
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), again)
        return trace

    def stop(number):
        raise Stopped(number)

    def go():
        former = sys.gettrace()
        sys.settrace(trace)
        try:
            with hearing(stop):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(20)
        finally:
            sys.settrace(former)

    def hear(number):
        """What comes behind the end."""

    with hearing(hear):
        before = {number: signal.getsignal(number) for number in WANTED}
        with pytest.raises(Stopped):
            go()
        assert {number: signal.getsignal(number) for number in WANTED} == before, f"after line {line}"
    return left[0] <= 0


@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM])
def test_cli_18_a_second_signal_at_any_line_of_what_the_first_does_does_no_harm(again):
    line = 0
    while interrupted_at(line := line + 1, again=again):
        pass
    assert line > 20
    time.sleep(2 * interrupts.VANISHED)  # in which none of them is sent again


def test_cli_18_a_second_signal_while_the_first_is_told_lets_it_be_told(line, monkeypatch):
    def act(*given):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(20)

    stopped = program._Outcome.stopped

    def telling(self, number):
        os.kill(os.getpid(), signal.SIGTERM)
        return stopped(self, number)

    monkeypatch.setattr(program, "_run", act)
    monkeypatch.setattr(program._Outcome, "stopped", telling)
    ran = line("list", "models")
    assert ran.code == 143
    assert_sound_refusal(143, ran.err)


ENDLESS = """
import sys, time
from thalweg.cli import main, program

def act(*given):
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        time.sleep(60)

program._run = act
sys.argv = ["thalweg", "list", "models"]
sys.exit(main())
"""


def test_cli_17_a_signal_ends_a_command_whose_way_out_does_not_end():
    running = subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "begun\n"
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 143
    assert_sound_refusal(143, err)


UNREAD = """
import os, sys, time
from pathlib import Path
from thalweg.cli import main, program
from thalweg.core.interrupts import hearing
from thalweg.training.interruption import Interrupted

def act(*given):
    come = []
    with hearing(come.append):
        print("begun", flush=True)
        while not come:
            time.sleep(0.01)
    raise Interrupted(come[0], Path("run"))

program._run = act
sys.argv = ["thalweg", "list", "models"]
sys.exit(main())
"""


def test_cli_17_a_signal_ends_a_command_whose_last_word_nobody_reads():
    unread, full = os.pipe()
    os.set_blocking(full, False)
    with suppress(BlockingIOError):
        while os.write(full, b"\n" * 4096):
            pass
    os.set_blocking(full, True)
    running = subprocess.Popen([sys.executable, "-c", UNREAD], stdout=subprocess.PIPE, stderr=full, text=True)
    assert running.stdout.readline() == "begun\n"
    running.send_signal(signal.SIGTERM)
    try:
        assert running.wait(30) == 143
    finally:
        running.kill()
        os.close(unread)
        os.close(full)


def test_cli_19_what_is_written_to_a_terminal_that_was_closed_goes_nowhere_and_ends_nothing():
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as stream:
        terminal = Terminal.of(stream)
        os.close(ours)
        with pytest.raises(OSError, match="Input/output"):
            os.write(theirs, b"gone")
        terminal.lines(["a", "b"])
        terminal.lines(["c"])


@pytest.mark.reliability
def test_cli_18_two_signals_at_once_leave_every_file_whole(tmp_path, line):
    running, until = started(tmp_path / "run", "--set", "checkpoint_steps=50"), time.monotonic() + 90
    while not list((tmp_path / "run").glob("checkpoints/*/manifest.json")) and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGTERM)
    assert ended(running).code in (130, 143)
    assert line("doctor", tmp_path / "run").code == 0


def test_cli_19_an_interrupt_in_the_midst_of_an_import_ends_with_its_exit_code(tmp_path):
    interrupted = 'exec("import os, signal; os.kill(os.getpid(), signal.SIGINT)")'  # as the making of a dataclass may be
    (tmp_path / "within.py").write_text(f"""
import sys
from thalweg.cli import program

def act(*given):
    {interrupted}

program._run = act
sys.exit(program.main(["list", "models"]))
""")
    ran = subprocess.run([sys.executable, "-m", "within"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 130, ran.stderr
    assert "STOPPED  stopped by SIGINT" in ran.stderr


@pytest.mark.reliability
def test_cli_19_a_run_that_was_suspended_goes_on(tmp_path):
    running = started(tmp_path / "run")
    metrics = tmp_path / "run" / "metrics.jsonl"
    running.send_signal(signal.SIGSTOP)
    size = metrics.stat().st_size
    running.send_signal(signal.SIGCONT)
    until = time.monotonic() + 60
    while metrics.stat().st_size <= size and time.monotonic() < until:
        time.sleep(0.05)
    assert metrics.stat().st_size > size
    running.send_signal(signal.SIGTERM)
    assert ended(running).code == 143


def limited(limit: int, most: int, *arguments: str) -> Ran:
    """A command line under a limit of the system's."""
    ran = subprocess.run(
        [sys.executable, "-m", "thalweg", *arguments],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(limit, (most, most)),
        timeout=100,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


QUICK = ("--model", "mlp", "--epochs", "1", "--threads", "1", "--no-compare")


def test_cli_24_a_limit_of_memory_is_named(tmp_path):
    ran = limited(resource.RLIMIT_AS, 300 << 20, "train", "iris", *QUICK, "--out", str(tmp_path / "run"))
    told = assert_sound_refusal(ran.code, ran.err)
    assert (ran.code, told["code"], told["where"]) == (6, "MEMORY_FULL", "ulimit -v")


@pytest.mark.reliability
def test_cli_24_a_limit_of_file_size_is_named(tmp_path):
    ran = limited(resource.RLIMIT_FSIZE, 100_000, "train", "iris", *QUICK, "--out", str(tmp_path / "run"))
    told = assert_sound_refusal(ran.code, ran.err)
    assert (ran.code, told["code"]) == (6, "FILE_SIZE_LIMIT")
    assert "ulimit -f" in told["fix"]


@pytest.mark.reliability
def test_cli_24_few_open_files_are_enough(tmp_path):
    ran = limited(resource.RLIMIT_NOFILE, 64, "train", "iris", *QUICK, "--json", "--out", str(tmp_path / "run"))
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["metric"]


class Backwards(datetime):
    """A clock that is set back by a day each time somebody looks."""

    days = 0

    @classmethod
    def now(cls, tz=None):
        cls.days += 1
        return datetime.now(tz) - timedelta(days=cls.days)


def test_cli_22_a_clock_that_jumps_back_a_day_harms_neither_names_nor_durations(line, monkeypatch):
    for module in (run_folder, run_lock, run_log):
        monkeypatch.setattr(module, "datetime", Backwards)
    monkeypatch.setattr(time, "time", lambda real=time.time: real() - 86_400 * (Backwards.days + 1))
    began = time.monotonic()
    runs = [json.loads(line("train", "iris", *QUICK, "--json").out) for _ in range(2)]
    spent = time.monotonic() - began
    assert Backwards.days > 2
    assert [Path(one["run"]).name for one in runs] == ["iris", "iris-2"]
    assert all(0 < one["seconds"]["training"] <= one["seconds"]["whole"] < spent for one in runs)
    assert line("doctor", "runs/iris-2").code == 0
