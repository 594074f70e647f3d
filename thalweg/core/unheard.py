"""Signals that nobody has heard yet: Python acts on them between two of its own steps, so not while compiled code runs.

One product of large matrices, or one reading of a large file, may last minutes. The system notes each signal in a pipe as it
comes; what hears it in the main thread notes that behind it. A thread reads both: a signal that stays unheard for too long ends
the process, and so does one that was heard where the way out does not end. Files are safe at any such moment. What compiles and
never lets other threads run cannot be helped.
"""

import contextlib
import math
import os
import select
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import final

PATIENCE, AGAIN = 3.0, 0.5
"""Seconds that a first signal may stay unheard, and any further one."""
IN_ALL, WAY_OUT = 4.5, 1.5
"""Seconds from the first signal to the end of a program that is interrupted, and those that its way out may take anyhow."""
HEARD, LEAVING = 0, 255
"""Stand in the pipe behind signals that were heard, and behind those that interrupt the program; no signal has such numbers."""


@final
class Unheard:
    """Ends the process by a signal that stays unheard, or that it does not end by.

    Args:
        tell: says that the process ends by the signal of that number; it has `AGAIN` seconds.
        ours: whether whoever hears signals of that number at present calls `heard`; others are no matter of this one's.
    """

    def __init__(self, tell: Callable[[int], object], ours: Callable[[int], bool]) -> None:
        self._tell, self._ours = tell, ours
        self._first = PATIENCE
        self._pipe: tuple[int, int] | None = None

    def heard(self) -> None:
        """All signals until now were heard."""
        self._note(HEARD)

    def leaving(self) -> None:
        """The last signal that was heard ends the program: it is on its way out."""
        self._note(LEAVING)

    @contextlib.contextmanager
    def patient(self) -> Iterator[None]:
        """Within, a first signal may stay unheard: others wait for what this process does."""
        former, self._first = self._first, math.inf
        try:
            yield
        finally:
            self._first = former

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Within, in the main thread, signals are watched; not where the host program has a pipe of its own."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        read, write = os.pipe()
        os.set_blocking(write, False)
        former = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        if former != -1:
            signal.set_wakeup_fd(former)
            os.close(read)
            os.close(write)
            yield
            return
        self._pipe = (read, write)
        os.register_at_fork(after_in_child=_Forgetting(self))
        reader = threading.Thread(target=self._read, args=(read,), name="unheard signals", daemon=True)
        reader.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            self._pipe = None
            os.close(write)  # which ends the reading
            reader.join()
            os.close(read)

    def forget(self) -> None:
        """In a forked process: signals that come there are no matter of this one's."""
        if self._pipe is not None:
            signal.set_wakeup_fd(-1)
            self._pipe = None

    def _note(self, mark: int) -> None:
        if self._pipe is not None:
            with contextlib.suppress(BlockingIOError):  # it is full of signals that nobody reads
                os.write(self._pipe[1], bytes([mark]))

    def _read(self, pipe: int) -> None:
        ready, waiting = select.poll(), _Waiting()
        ready.register(pipe, select.POLLIN)
        while True:
            left = waiting.left(self._first)
            if not ready.poll(None if left is None else 1000 * left):
                self._end(waiting.last)
            elif come := os.read(pipe, 512):
                waiting.take(one for one in come if one in (HEARD, LEAVING) or self._ours(one))
            else:
                return

    def _end(self, number: int) -> None:
        teller = threading.Thread(target=self._tell, args=(number,), daemon=True)  # where it writes, nobody may read
        teller.start()
        teller.join(AGAIN)
        os._exit(128 + number)


@final
class _Waiting:
    """The signals that wait to be heard, or for the end of the program.

    Attributes:
        last: the last of them.
    """

    def __init__(self) -> None:
        self.last = 0
        self._unheard = 0
        self._further = False
        self._since = 0.0
        self._begun = self._gone = math.inf

    def take(self, come: Iterable[int]) -> None:
        self._since = now = time.monotonic()
        for one in come:
            if one == HEARD:
                self._further, self._unheard = True, 0
            elif one == LEAVING:
                self._gone = min(self._gone, max(self._begun + IN_ALL, now + WAY_OUT))
            else:
                self.last, self._unheard = one, self._unheard + 1
                self._begun = min(self._begun, now)

    def left(self, first: float) -> float | None:
        """Seconds for which they may still wait; None: for ever.

        Args:
            first: seconds for a first signal.
        """
        until = self._gone
        if self._unheard:
            until = min(until, self._since + (AGAIN if self._further or self._unheard > 1 else first))
        return None if math.isinf(until) else max(0.0, until - time.monotonic())


@final
class _Forgetting:
    """What a forked process calls; it keeps nothing alive."""

    def __init__(self, unheard: Unheard) -> None:
        self._unheard = weakref.ref(unheard)

    def __call__(self) -> None:
        unheard = self._unheard()
        if unheard is not None:
            unheard.forget()
