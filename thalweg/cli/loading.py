"""Loading: what happens to signals while libraries are imported."""

import importlib
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from thalweg.core.errors import Stopped

WANTED = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if sys.platform != "win32" else [])]


def load_numpy() -> None:
    """Import numpy whole: it swallows an interrupt in the midst of its import, and is left without some of its parts."""
    with signals_waiting():
        importlib.import_module("numpy")


@contextmanager
def signals_waiting() -> Iterator[None]:
    """A signal waits until what is imported within is whole; a second one no longer waits."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    come: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        come.append(number)
        if len(come) > 1:
            raise Stopped(number)

    former = {number: signal.getsignal(number) for number in WANTED}
    for number, handler in former.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if come:
        raise Stopped(come[0])
