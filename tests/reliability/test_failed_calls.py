"""R2: every system call of every save fails in turn: old or new state, a refusal that says so, and nothing left behind."""

import errno
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.core.faults import CALLS, counted
from tests.fresh_process import Fresh
from tests.reliability.figures import Row, shares, sized
from tests.reliability.killing import LIMIT, Attempt, ended_already, left_by, looked_at, stale, warm
from tests.reliability.matrix import NET, Kind, table
from tests.reliability.saves import SAVES
from thalweg.core.errors import Refusal
from thalweg.core.run_folder import RunFolder

SAVED = Row(
    "R2",
    "system calls of saves that fail in turn: a full disk, EIO, quota, EACCES, EINTR, a short write: old or new state",
    "an atomic rename without sync (Lightning 20011)",
)
TRAINED = Row("R2", "system calls of whole runs that fail in turn; the run, repeated, ends with the same bits", order=2)
SHORT = -1
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EINTR, SHORT)
"""What a call fails with; a short write takes half of what it is given, and the next one finds the disk full."""
MOST, MANY = 400, 10**9


class Failing:
    """Fails a call by its number, and all further writes too where that lasts."""

    def __init__(self, number: int, error: int, *, lasting: bool) -> None:
        self.number, self.error, self.lasting = number, error, lasting
        self.write = os.write
        self.cut = False

    def __call__(self, count: int, name: str) -> None:
        due = count == self.number or (self.lasting and count > self.number and name in ("write", "fsync"))
        if self.error == SHORT:
            self.cut = self.cut or (due and name == "write")
        elif due:
            raise OSError(self.error, os.strerror(self.error))

    def short(self, descriptor: int, data: memoryview) -> int:
        """Half of what is given, once; then nothing more."""
        if not self.cut:
            return self.write(descriptor, data)
        if len(data) < 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.write(descriptor, data[: len(data) // 2])


def failed(act: Callable[[], object], failing: Failing) -> tuple[Refusal | None, int]:
    """What an act is refused with while one of its calls fails, and how many calls it made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", failing.short)
        with counted(patch, failing, calls=(*CALLS, "unlink", "rmdir")) as count:
            try:
                act()
            except Refusal as refusal:
                return refusal, count[0]
    return None, count[0]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", SAVES)
def test_r02_whatever_call_of_a_save_fails_the_old_is_read_or_the_new(quick, name, lasting):
    save, tried = SAVES[name], 0
    for error in ERRORS[:: sized(5, 1)]:
        for number in range(1, MOST):
            folder = quick / f"{error}-{number}"
            folder.mkdir()
            save.before(folder)
            refusal, calls = failed(partial(save.act, folder), Failing(number, error, lasting=lasting))
            found = save.read(folder)
            assert found in save.states
            assert refusal is not None or found == save.states[-1]
            assert refusal is None or (refusal.exit_code, bool(refusal.fix)) == (6, True)
            assert [one for one in stale(folder) if not one.endswith(".replaced")] == []
            if refusal is not None and found != save.states[-1]:
                save.act(folder)
                assert save.read(folder) == save.states[-1], "what failed stands in the way of the next save"
                assert stale(folder) == []
            tried += 1
            if calls < number:
                break
        else:
            pytest.fail("the save never ended")
    SAVED.note(tried, tried)


def unwatched(kind: Kind, folder: Path) -> None:
    """One attempt at a run, whose calls are all its own."""
    os.environ["XDG_CACHE_HOME"] = str(folder.parent / "cache")
    kind.train(folder)


def failing_runs(numbers: Sequence[int], root: Path) -> list[str]:
    """Fail a call of a run for each number, then repeat the run; says what is wrong."""
    warm()
    kind = Kind("", {**NET, "rule": {"steps": 8, "batch_size": 16, "average": 0.9}, "checkpoint_steps": 3}, table)
    whole = root / "whole" / "run"
    calls = _tried(kind, whole, Failing(MANY, errno.EIO, lasting=False))
    assert calls, (whole.parent / "failed").read_text()
    expected, wrong = left_by(whole), list[str]()
    for number in numbers:
        folder, at, error = root / str(number) / "run", 1 + number * 7919 % calls, ERRORS[number % len(ERRORS)]
        said = f"call {at} of {calls} with {error}: "
        if not _tried(kind, folder, Failing(at, error, lasting=number % 4 == 0)):
            wrong.append(said + (folder.parent / "failed").read_text())
            continue
        wrong += [said + fault for fault in (looked_at(folder)[0] if folder.exists() else [])]
        if not ended_already(folder):  # it may go on without what failed, such as a line of its log
            again = Attempt(partial(unwatched, kind, folder), folder.parent / "failed")
            assert again.ends_well_within(LIMIT), f"{said}repeated, it takes too long"
        found, last = left_by(folder), f"checkpoints/{RunFolder(folder).steps()[0]}/"  # an earlier one may stand or not
        counted = [name for name in expected | found if name.startswith(last) or not name.startswith("checkpoints/")]
        wrong += [f"{said}{name} differs" for name in counted if expected.get(name) != found.get(name)]
        wrong += [f"{said}{one} is left behind" for one in stale(folder.parent)]
    return wrong


def _tried(kind: Kind, folder: Path, failing: Failing) -> int:
    """How many calls a run made of which one fails; 0 where it ended otherwise than well or refused."""
    folder.parent.mkdir(parents=True)
    counted_in = folder.parent / "calls"

    def act() -> None:
        _, calls = failed(partial(unwatched, kind, folder), failing)
        counted_in.write_text(str(calls))

    attempt = Attempt(act, folder.parent / "failed")
    assert attempt.ends_within(LIMIT), "it takes too long"
    return int(counted_in.read_text()) if counted_in.exists() else 0


@pytest.mark.parametrize("share", shares(5, 160, each=80), ids=str)
def test_r02_a_run_in_which_a_call_failed_ends_with_the_same_bits_when_it_is_repeated(tmp_path, share):
    assert Fresh(failing_runs, share, tmp_path).answer(seconds=300) == []
    TRAINED.note(len(share), len(share))
