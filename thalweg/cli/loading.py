"""Loading: what happens to signals while libraries are imported."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

from thalweg.core.errors import Stopped
from thalweg.core.interrupts import hearing


def load_numpy() -> None:
    """Import numpy whole: it swallows an interrupt in the midst of its import, and is left without some of its parts."""
    with signals_waiting():
        importlib.import_module("numpy")


@contextmanager
def signals_waiting() -> Iterator[None]:
    """A signal waits until what is imported within is whole; a second one no longer waits."""
    come: list[int] = []

    def hear(number: int) -> None:
        come.append(number)
        if len(come) > 1:
            raise Stopped(number)

    with hearing(hear):
        yield
    if come:
        raise Stopped(come[0])
