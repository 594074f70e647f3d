"""R8: signals that come while one call of compiled code lasts, which Python does not hear of before it returns.

The call is a real one: a sum over ten billion times the same number, which takes no memory, and a core for as long as it lasts.
"""

import mmap
import os
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fresh_process import Fresh
from tests.lint_refusal import assert_sound_refusal
from tests.reliability.figures import WHOLE, Row
from tests.reliability.killing import Attempt, left_by, looked_at, stale, warm

RUN = ("iris", "--model", "mlp", "--steps", "60", "--threads", "1", "--no-compare", "--set", "checkpoint_steps=10")
WITHIN = Row("R8", "one or two signals within a call of compiled code that lasts a minute", order=2)
NUMBERS = 3 * 10**11
"""How many are summed up: about a minute."""
LIMIT = 60.0
AT_ONCE, SOON = 2.0, 5.0
"""Seconds in which the process is gone after a second signal, and after a first one."""
Found = tuple[int, float, str, list[str]]
"""Exit code, seconds until the process was gone, what it said, and what is wrong with what it left."""


def long_call(inside: mmap.mmap) -> None:
    import torch

    inside[0] = 1
    torch.zeros(()).expand(NUMBERS).sum()


def commanded(folder: Path, inside: mmap.mmap, place: str) -> int:
    """One command line, in which a step, or the reading of the data, holds the call."""
    from thalweg.cli import main
    from thalweg.training import fit
    from thalweg.training.loop import Progress

    os.environ["XDG_CACHE_HOME"] = str(folder.parent / "cache")
    os.dup2(os.open(folder.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.dup2(2, 1)
    advance, read = Progress.advance, fit.read

    def advancing(self: Progress, *given: Any) -> None:
        advance(self, *given)
        if self.position.step == 35:
            long_call(inside)

    def reading(*given: Any, **named: Any) -> Any:
        long_call(inside)
        return read(*given, **named)

    if place == "a step":
        Progress.advance = advancing  # type: ignore[method-assign]
    elif place == "the reading of the data":
        fit.read = reading
    return main(["train", *RUN, "--out", str(folder)])


def stopped(root: Path, place: str, sent: Sequence[int]) -> Found:
    """Send signals within the call; what a repetition of the command without it leaves is held against a run never stopped."""
    warm()
    expected = left_by(_ended(root / "whole" / "run"))
    folder, inside = root / "stopped" / "run", mmap.mmap(-1, 1)
    folder.parent.mkdir()
    attempt = Attempt(partial(commanded, folder, inside, place), folder.parent / "failed")
    until = time.monotonic() + LIMIT
    while not inside[0]:
        assert time.monotonic() < until, (folder.parent / "said").read_text()
        time.sleep(0.01)
    for number in sent:
        time.sleep(0.2)
        attempt.send(number)
    begun = time.monotonic()
    assert attempt.ends_within(LIMIT), "it goes on"
    seconds, said = time.monotonic() - begun, (folder.parent / "said").read_text()
    wrong = looked_at(folder)[0]
    found = left_by(_ended(folder))
    wrong += [f"{name} differs" for name in expected | found if expected.get(name) != found.get(name)]
    return attempt.code, seconds, said, wrong + stale(folder.parent)


def _ended(folder: Path) -> Path:
    folder.parent.mkdir(exist_ok=True)
    attempt = Attempt(partial(commanded, folder, mmap.mmap(-1, 1), "nowhere"), folder.parent / "failed")
    assert attempt.ends_within(LIMIT)
    assert attempt.code == 0, (folder.parent / "said").read_text()
    return folder


TWICE = [(place, (one, other)) for place in ("a step", "the reading of the data") for one, other in ((15, 15), (2, 2), (1, 15))]
ONCE = [(place, (number,)) for place in ("a step", "the reading of the data") for number in (15, 2, 1)]


@pytest.mark.parametrize(("place", "sent"), [*TWICE, *ONCE] if WHOLE else [TWICE[0], ONCE[3]], ids=str)
def test_r08_signals_within_one_call_of_compiled_code_end_the_run_and_harm_nothing(tmp_path, place, sent):
    code, seconds, said, wrong = Fresh(stopped, tmp_path, place, sent).answer(seconds=200)
    assert code == 128 + sent[-1], said
    told = assert_sound_refusal(code, said[said.index("STOPPED") :])
    assert told["what"] == f"stopped by {signal.Signals(sent[-1]).name}"
    assert seconds < (AT_ONCE if len(sent) > 1 else SOON)
    assert wrong == []
    WITHIN.note(1, 1, seconds=seconds)


def waiting(sent: Sequence[int]) -> int:
    """The exit code of a process that has heard its signals, and takes long in Python to leave."""
    from thalweg.cli import program

    def act(*given: Any) -> None:
        try:
            while True:
                time.sleep(0.01)
        finally:
            until = time.monotonic() + 4
            while time.monotonic() < until:
                time.sleep(0.01)

    program._run = act  # type: ignore[assignment]
    attempt = Attempt(partial(program.main, ["list", "models"]), Path("/dev/null"))
    time.sleep(0.5)
    for number in sent:
        attempt.send(number)
    assert not attempt.ends_within(2), "it was cut short"
    assert attempt.ends_within(LIMIT)
    return attempt.code


def test_r08_a_signal_that_was_heard_may_take_its_time():
    assert Fresh(waiting, [signal.SIGTERM]).answer(seconds=60) == 143
