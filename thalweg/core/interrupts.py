"""Interrupts that are told as errors of another kind."""

from thalweg.core.errors import Refusal


def interrupt_in(error: BaseException) -> KeyboardInterrupt | None:
    """The interrupt that an error is, or that it came of.

    One that comes in the midst of compiled code, or while a class is being made, is told there as an error of another kind: a
    `ValueError` of numpy's, a `RuntimeError` of Python 3.11. It is the cause of that.
    """
    held: BaseException | None = error
    while held is not None and not isinstance(held, KeyboardInterrupt | Refusal):
        held = held.__cause__
    return held if isinstance(held, KeyboardInterrupt) else None
