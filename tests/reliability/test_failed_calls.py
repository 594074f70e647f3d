"""R2: every system call of every save fails in turn: old or new state, a refusal that says so, and nothing left behind."""

import errno
import os
from collections.abc import Callable
from functools import partial

import pytest

from tests.core.faults import CALLS, counted
from tests.reliability.figures import Row, sized
from tests.reliability.killing import stale
from tests.reliability.saves import SAVES
from thalweg.core.errors import Refusal, ResourceRefusal

SAVED = Row(
    "R2",
    "system calls of saves that fail in turn: a full disk, EIO, quota, EACCES, EINTR, a short write: old or new state",
    "an atomic rename without sync (Lightning 20011)",
)
SHORT = -1
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EINTR, SHORT)
"""What a call fails with; a short write takes half of what it is given, and the next one finds the disk full."""
MOST = 400


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
            except ResourceRefusal as refusal:
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
