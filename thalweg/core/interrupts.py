"""Signals that ask a program to end, who hears them in the main thread, and interrupts told as errors of another kind."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from types import FrameType
from typing import Any, final

from thalweg.core.errors import Refusal, Stopped
from thalweg.core.later import Later
from thalweg.core.unheard import Unheard

WANTED = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if sys.platform != "win32" else [])]
"""The signals that ask to end."""
VANISHED = 0.25
"""Seconds in which an interrupt has come to where something is cleared up for it, or has vanished on its way."""


@final
class Heard:
    """What Python calls in the main thread once a signal has come and compiled code has returned.

    It may be called in the midst of itself: it holds no lock.

    Args:
        act: is given the signal's number.
        unheard: who waits for this call.

    Attributes:
        over: whoever heard signals before is to hear them again.
        late: the signals that came since then.
    """

    def __init__(self, act: Callable[[int], None], unheard: Unheard | None) -> None:
        self.unheard = unheard
        self.over = False
        self.late: list[int] = []
        self._act = act
        self._again: Later | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.unheard is not None:
            self.unheard.heard()
        if self.over:
            self.late.append(number)
            return
        try:
            self._act(number)
        except Stopped:
            if self.unheard is not None:
                self.unheard.leaving()
            self.calm()
            self._again = Later(VANISHED, partial(_send_if_gone, number))
            self._again.start()
            raise

    def calm(self) -> None:
        """No interrupt is sent again any more; compiled code that looks for a name lets them vanish."""
        if self._again is not None:
            self._again.call_off()


def _send_if_gone(number: int) -> None:
    caught: Any = sys._current_exceptions().get(threading.main_thread().ident or 0)
    error = caught[1] if isinstance(caught, tuple) else caught  # as Python 3.11 tells it, and as later ones do
    if error is None or interrupt_in(error) is None:
        os.kill(os.getpid(), number)


@contextmanager
def hearing(act: Callable[[int], None], *, unheard: Unheard | None = None, patient: bool = False) -> Iterator[None]:
    """Within, signals that ask to end are heard in the main thread by `act`; what is ignored stays so (`nohup`).

    Args:
        unheard: who waits for signals to be heard; None: who waits where this is called, if anybody does.
        patient: a first signal may stay unheard for as long as it takes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: handler for number in WANTED if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    around = next((one.unheard for one in former.values() if isinstance(one, Heard)), None)
    told = Heard(act, unheard or around)
    try:
        try:
            for number in former:
                signal.signal(number, told)
            with told.unheard.patient() if patient and told.unheard is not None else nullcontext():
                yield
        finally:
            told.over = True  # an interrupt that comes sooner is raised here, and what follows is done all the same
    finally:
        told.over = True
        told.calm()
        for number, handler in former.items():
            signal.signal(number, handler)
        for late in told.late:
            os.kill(os.getpid(), late)


def ours() -> bool:
    """The command line hears signals here: the process does nothing else, and how its libraries hear them is ours to say."""
    return any(isinstance(one, Heard) and one.unheard is not None for one in map(signal.getsignal, WANTED))


def interrupt_in(error: BaseException) -> KeyboardInterrupt | None:
    """The interrupt that an error is, or that it came of.

    One that comes in the midst of compiled code, or while a class is being made, is told there as an error of another kind: a
    `ValueError` of numpy's, a `RuntimeError` of Python 3.11. It is the cause of that.
    """
    held: BaseException | None = error
    while held is not None and not isinstance(held, KeyboardInterrupt | Refusal):
        held = held.__cause__
    return held if isinstance(held, KeyboardInterrupt) else None
