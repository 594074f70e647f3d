"""What is done a little later, unless it is called off before."""

import _thread
import contextlib
import time
from collections.abc import Callable
from typing import final

POLL = 0.001
"""Seconds between two looks at whether what is under way has ended."""


@final
class Later:
    """Does something in a thread of its own after a while, unless it is called off before.

    It holds no lock, so whoever hears signals may start it and call it off, also in the midst of either: a `threading.Timer`
    waits for ever there for what the interrupted code holds. Where the system gives no further threads, nothing is done.

    Args:
        seconds: after which it is done.
        act: what is done; the thread ends with it.
    """

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self._seconds, self._act = seconds, act
        self._off = self._acting = False

    def start(self) -> None:
        with contextlib.suppress(RuntimeError):
            _thread.start_new_thread(self._run, ())

    def call_off(self) -> None:
        """It is not begun after this; where it is under way, it has ended."""
        self._off = True
        while self._acting:
            time.sleep(POLL)

    def _run(self) -> None:
        time.sleep(self._seconds)
        self._acting = True  # before the look, as `call_off` says "off" before its own: one of the two sees the other
        try:
            if not self._off:
                self._act()
        finally:
            self._acting = False
