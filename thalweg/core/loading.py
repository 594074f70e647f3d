"""Libraries loaded whole: what happens to signals while they are imported.

An import that is cut short leaves parts of a library behind, and some libraries swallow the interrupt that did it: numpy, and
pyarrow where it looks for pandas.
"""

import functools
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from thalweg.core.errors import Stopped
from thalweg.core.interrupts import hearing, ours


def load_numpy() -> None:
    """Import numpy whole."""
    with signals_waiting():
        importlib.import_module("numpy")


def load_arrow(*, texts: bool = False) -> None:
    """Import pyarrow whole, ahead of the first use of it.

    In a process of ours it leaves signals alone afterwards: its reader of CSV puts its own handlers in their place while it
    reads, and may lose what comes at the end (8 of 600 SIGTERM).

    Args:
        texts: texts or lists become arrays, or arrays texts: pyarrow then imports pandas, where it is there.
    """
    _load_arrow()
    if texts:
        _load_what_texts_take()


@functools.cache
def _load_arrow() -> None:
    with signals_waiting():
        pyarrow = importlib.import_module("pyarrow")
    if ours():
        pyarrow.enable_signal_handlers(False)


@functools.cache
def _load_what_texts_take() -> None:
    with signals_waiting():
        importlib.import_module("pyarrow.compute")
        if find_spec("pandas") is not None:
            importlib.import_module("pandas")


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
