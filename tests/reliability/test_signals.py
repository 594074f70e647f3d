"""R8: a signal at any moment ends a run within five seconds, with its exit code, and loses no step; a second one harms nothing.

Command lines run in forked processes that have imported thalweg before, so that a run takes a second; how many steps were done
is written down by the process itself, outside of the run's folder.
"""

import mmap
import os
import random
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


def commanded(folder: Path, done: mmap.mmap) -> int:
    """One command line, which notes its steps; what it prints goes beside its run."""
    from thalweg.cli import main
    from thalweg.training.loop import Progress

    os.environ["XDG_CACHE_HOME"] = str(folder.parent / "cache")
    os.dup2(os.open(folder.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.dup2(2, 1)
    advance = Progress.advance

    def advancing(self: Progress, *given: Any) -> None:
        advance(self, *given)
        done[:8] = struct.pack("q", self.position.step)

    Progress.advance = advancing  # type: ignore[method-assign]
    return main(["train", *RUN, "--out", str(folder)])


def signalled(numbers: Sequence[int], root: Path, *, twice: bool) -> list[Told]:
    """Interrupt the run once for each number, at a random moment and by one of the signals; resume it to its end."""
    warm()
    whole = root / "whole" / "run"
    seconds = [_whole(whole.parent.with_name(name) / "run") for name in ("first", "whole")][-1]
    return [_signalled(number, root / str(number), left_by(whole), seconds, twice=twice) for number in numbers]


def _whole(folder: Path) -> float:
    """The seconds that the run takes undisturbed."""
    folder.parent.mkdir(parents=True)
    begun = time.monotonic()
    attempt = Attempt(partial(commanded, folder, mmap.mmap(-1, 8)), folder.parent / "failed")
    assert attempt.ends_within(LIMIT), "it takes too long"
    assert attempt.code == 0, (folder.parent / "said").read_text()
    return time.monotonic() - begun


def _signalled(number: int, root: Path, expected: dict[str, Any], seconds: float, *, twice: bool) -> Told:
    chance, sent = random.Random(number), list(CODES)[number % len(CODES)]
    for again in range(50):
        folder, done = root / str(again) / "run", mmap.mmap(-1, 8)
        folder.parent.mkdir(parents=True)
        attempt = Attempt(partial(commanded, folder, done), folder.parent / "failed")
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
        if attempt.code == -sent and not folder.exists():  # before the program began, a signal does what it always does
            continue
        _judge(told, attempt.code, {CODES[sent], *([130] if twice else [])}, folder, lost=not twice and _lost(folder, done))
        if ended_already(folder):
            return told
        resumed = Attempt(partial(commanded, folder, done), folder.parent / "failed")
        assert resumed.ends_within(LIMIT), f"{told.moment}: resumed, it takes too long"
        if resumed.code:
            told.wrong.append(f"resumed, it ends with {resumed.code}: {(folder.parent / 'said').read_text()}")
        else:
            found = left_by(folder)
            told.wrong += [f"{name} differs" for name in expected | found if expected.get(name) != found.get(name)]
            told.wrong += [f"{one} is left behind" for one in stale(folder.parent)]
        return told
    raise AssertionError("it always ended before the signal came")


def _lost(folder: Path, done: mmap.mmap) -> str:
    """Steps that were done and are in no checkpoint."""
    from thalweg.core.run_folder import RunFolder

    steps, made = RunFolder(folder).steps(), struct.unpack("q", done[:8])[0]
    saved = steps[0] if steps else 0
    return f"{made} steps were done, {saved} are saved" if saved != made else ""


def _judge(told: Told, code: int, allowed: set[int], folder: Path, *, lost: str | bool) -> None:
    said = (folder.parent / "said").read_text()
    if code not in allowed:
        told.wrong.append(f"it ends with {code}: {said}")
    else:
        try:
            assert_sound_refusal(code, said)
        except AssertionError as fault:
            told.wrong.append(f"it is not told soundly: {fault}")
    told.wrong += [str(lost)] if lost else []
    told.wrong += looked_at(folder)[0] if folder.exists() else []


@pytest.mark.parametrize("share", shares(3, 60, each=15), ids=str)
def test_r08_a_signal_at_any_moment_ends_a_run_soon_and_loses_no_step(tmp_path, share):
    found = Fresh(partial(signalled, twice=False), share, tmp_path).answer(seconds=200)
    assert {one.moment: one.wrong for one in found if one.wrong} == {}
    assert max(one.seconds for one in found) < BOUND
    SIGNALS.note(len(found), len(found), seconds=max(one.seconds for one in found))


@pytest.mark.parametrize("share", shares(1, 20, each=20), ids=str)
def test_r08_a_second_signal_quits_at_once_and_harms_nothing(tmp_path, share):
    found = Fresh(partial(signalled, twice=True), share, tmp_path).answer(seconds=200)
    assert {one.moment: one.wrong for one in found if one.wrong} == {}
    assert max(one.seconds for one in found) < BOUND
    TWICE.note(len(found), len(found), seconds=max(one.seconds for one in found))
