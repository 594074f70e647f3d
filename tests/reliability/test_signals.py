"""R8: a signal at any moment ends a run within five seconds, with its exit code, and loses no step; a second one harms nothing.

Command lines run in forked processes that have imported thalweg before, so that a run takes a second; how many steps were done
is written down by the process itself, outside of the run's folder.
"""

import mmap
import os
import random
import shutil
import signal
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fresh_process import Fresh
from tests.lint_refusal import assert_sound_refusal
from tests.reliability.figures import Row, shares
from tests.reliability.killing import Attempt, ended_already, left_by, looked_at, stale, warm

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
BOUND = 5.0
"""Seconds within which a run has ended after a signal."""
SIGNALS = Row("R8", "SIGTERM, SIGINT and SIGHUP at random moments: within 5 s, right code, no step lost", "143 (Lightning)")
TWICE = Row("R8", "a second signal soon after: it quits at once, and the run ends with the same bits", order=1)
RUN = ("iris", "--model", "mlp", "--steps", "400", "--threads", "1", "--no-compare", "--set", "checkpoint_seconds=0.2")
RUN = (*RUN, "--set", "checkpoints_kept=1")
COMPARED = Row(
    "R8", "signals at random moments of a comparison over seeds: as above, and the same figures when repeated", order=2
)
TRAINED = ("iris", "--model", "mlp", "--steps", "60", "--threads", "1", "--no-check", "--set", "checkpoints_kept=1")
SEEDS = ("--seeds", "5")
LIMIT = 60.0


@dataclass
class Told:
    """What came of one signal, or two.

    Attributes:
        wrong: what should not be, in words.
        seconds: until the process had ended.
    """

    moment: str
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Command:
    """A command line that is to be stopped.

    Attributes:
        verb: with what stands before the run's folder, and after it.
        trained: what the folder holds before: a run that has ended, with the cache beside it; None: nothing.
    """

    verb: tuple[str, ...]
    after: tuple[str, ...] = ()
    trained: Path | None = None

    def prepare(self, folder: Path) -> None:
        """Make what stands around and in the folder before the command."""
        if self.trained is None:
            folder.parent.mkdir(parents=True)
        else:
            shutil.copytree(self.trained.parent, folder.parent)

    def line(self, folder: Path) -> list[str]:
        return [*self.verb, str(folder), *self.after]


TRAIN = Command(("train", *RUN, "--out"))


def commanded(command: Command, folder: Path, done: mmap.mmap) -> int:
    """One command line, which notes its steps; what it prints goes beside its run."""
    from thalweg.cli import main
    from thalweg.training.loop import Progress

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # outside of the program, as the other signals
    os.environ["XDG_CACHE_HOME"] = str(folder.parent / "cache")
    os.dup2(os.open(folder.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.dup2(2, 1)
    advance = Progress.advance

    def advancing(self: Progress, *given: Any) -> None:
        advance(self, *given)
        done[:8] = struct.pack("q", self.position.step)

    Progress.advance = advancing  # type: ignore[method-assign]
    return main(command.line(folder))


def signalled(numbers: Sequence[int], root: Path, *, twice: bool) -> list[Told]:
    """Interrupt the run once for each number, at a random moment and by one of the signals; resume it to its end."""
    warm()
    return _each(TRAIN, numbers, root, twice=twice)


def signalled_comparing(numbers: Sequence[int], root: Path) -> list[Told]:
    """Interrupt a comparison over seeds likewise; repeat it."""
    warm()
    trained = root / "trained" / "run"
    _whole(Command(("train", *TRAINED, "--out")), trained)
    return _each(Command(("compare",), SEEDS, trained), numbers, root, twice=False)


def _each(command: Command, numbers: Sequence[int], root: Path, *, twice: bool) -> list[Told]:
    whole = root / "whole" / "run"
    seconds = [_whole(command, whole.parent.with_name(name) / "run") for name in ("first", "whole")][-1]
    return [_signalled(command, number, root / str(number), left_by(whole), seconds, twice=twice) for number in numbers]


def _whole(command: Command, folder: Path) -> float:
    """The seconds that the command takes undisturbed."""
    command.prepare(folder)
    begun = time.monotonic()
    attempt = Attempt(partial(commanded, command, folder, mmap.mmap(-1, 8)), folder.parent / "failed")
    assert attempt.ends_within(LIMIT), "it takes too long"
    assert attempt.code == 0, _said(folder)
    return time.monotonic() - begun


def _signalled(command: Command, number: int, root: Path, expected: dict[str, Any], seconds: float, *, twice: bool) -> Told:
    chance, sent = random.Random(number), list(CODES)[number % len(CODES)]
    for again in range(50):
        folder, done = root / str(again) / "run", mmap.mmap(-1, 8)
        command.prepare(folder)
        attempt = Attempt(partial(commanded, command, folder, done), folder.parent / "failed")
        moment = chance.uniform(0, seconds)
        if attempt.ends_within(moment):
            continue
        told = Told(f"{sent.name} after {moment:.3f} of {seconds:.3f} s")
        attempt.send(sent)
        if twice:
            time.sleep(pause := chance.uniform(0, 0.05))
            told.moment += f" and SIGINT {pause:.3f} s later"
            attempt.send(signal.SIGINT)
        begun = time.monotonic()
        assert attempt.ends_within(LIMIT), f"{told.moment}: it goes on"
        told.seconds = time.monotonic() - begun
        if attempt.code == 0 and told.seconds < 0.3:  # the run was over: its last line was being printed
            continue
        outside = attempt.code in (-sent, -signal.SIGINT) and not _said(folder)
        if outside:  # before the program began, a signal does what it always does
            continue
        _judge(told, command, attempt.code, {CODES[sent], *([130, -signal.SIGINT] if twice else [])}, folder)
        if command.trained is None:
            told.wrong += _lost(folder, done) if not twice else []
            if ended_already(folder):
                return told
        _repeat(told, command, folder, expected)
        return told
    raise AssertionError("it always ended before the signal came")


def _repeat(told: Told, command: Command, folder: Path, expected: dict[str, Any]) -> None:
    """Repeat the command to its end, and hold what it leaves against what one that was never stopped left."""
    resumed = Attempt(partial(commanded, command, folder, mmap.mmap(-1, 8)), folder.parent / "failed")
    assert resumed.ends_within(LIMIT), f"{told.moment}: resumed, it takes too long"
    if resumed.code:
        told.wrong.append(f"resumed, it ends with {resumed.code}: {_said(folder)}")
        return
    found = left_by(folder)
    told.wrong += [f"{name} differs" for name in expected | found if expected.get(name) != found.get(name)]
    told.wrong += [f"{one} is left behind" for one in stale(folder.parent)]


def _said(folder: Path) -> str:
    path = folder.parent / "said"
    return path.read_text() if path.exists() else ""


def _lost(folder: Path, done: mmap.mmap) -> list[str]:
    """Steps that were done and are in no checkpoint."""
    from thalweg.core.run_folder import RunFolder

    steps, made = RunFolder(folder).steps(), struct.unpack("q", done[:8])[0]
    saved = steps[0] if steps else 0
    return [f"{made} steps were done, {saved} are saved"] if saved != made else []


def _judge(told: Told, command: Command, code: int, allowed: set[int], folder: Path) -> None:
    said = _said(folder)
    if code not in allowed:
        told.wrong.append(f"it ends with {code}: {said}")
    else:
        try:
            fix = assert_sound_refusal(code if code > 0 else 128 - code, said)["fix"]  # once more, as it left: by the signal
        except AssertionError as fault:
            told.wrong.append(f"it is not told soundly: {fault}")
        else:
            resumed = f"thalweg train --resume --out {folder}"
            ways = ("repeat the command", resumed if command.trained is None else f"thalweg {' '.join(command.line(folder))}")
            told.wrong += [] if fix in ways else [f"it says to go on by: {fix}"]
    runs = [folder, *folder.glob("seeds/*")] if folder.exists() else []
    told.wrong += [fault for one in runs for fault in looked_at(one)[0]]


def assert_all_well(found: Sequence[Told], row: Row) -> None:
    slowest = max(one.seconds for one in found)
    assert {one.moment: one.wrong for one in found if one.wrong} == {}
    assert slowest < BOUND
    row.note(len(found), len(found), seconds=slowest)


@pytest.mark.parametrize("share", shares(3, 60, each=15), ids=str)
def test_r08_a_signal_at_any_moment_ends_a_run_soon_and_loses_no_step(tmp_path, share):
    found = Fresh(partial(signalled, twice=False), share, tmp_path).answer(seconds=200)
    assert_all_well(found, SIGNALS)


@pytest.mark.parametrize("share", shares(1, 20, each=20), ids=str)
def test_r08_a_second_signal_quits_at_once_and_harms_nothing(tmp_path, share):
    found = Fresh(partial(signalled, twice=True), share, tmp_path).answer(seconds=200)
    assert_all_well(found, TWICE)


@pytest.mark.parametrize("share", shares(2, 20, each=5), ids=str)
def test_r08_a_signal_at_any_moment_ends_a_comparison_over_seeds_and_repeated_it_comes_to_the_same(tmp_path, share):
    found = Fresh(signalled_comparing, share, tmp_path).answer(seconds=200)
    assert_all_well(found, COMPARED)
