"""Work behind the caller's back: one piece at a time in a thread of its own, whose failure the caller is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BRIEFLY = 1.0
"""Seconds that somebody waits at most who was told to quit at once."""


class Behind:
    """Runs pieces of work one after another, each beside whoever asked for it.

    What a piece failed with is raised where its result is next asked for: by `check`, `start` or `wait`.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None

    @property
    def busy(self) -> bool:
        """A piece of work is not done yet."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, work: Callable[[], object]) -> None:
        """Begin a piece of work as soon as the former is done.

        Raises:
            BaseException: what the former failed with; this one is not begun then.
        """
        self.wait()
        thread = threading.Thread(target=self._do, args=(work,), name="thalweg behind", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system gives no further threads: the caller waits
            self._do(work)
            return self.check()
        self._thread = thread

    def check(self) -> None:
        """Raise what failed, once; return while a piece is under way."""
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed

    def wait(self) -> None:
        """Until all is done.

        Raises:
            BaseException: what the last piece failed with.
        """
        self._join(None)
        self.check()

    @contextmanager
    def done_at_end(self) -> Iterator[None]:
        """What was begun within is done at its end; after an error briefly, so that whoever is told to quit at once does.

        Raises:
            BaseException: what the last piece failed with, where nothing else went wrong.
        """
        try:
            yield
        except BaseException as error:
            self._join(BRIEFLY if isinstance(error, KeyboardInterrupt) else None)
            raise
        self.wait()

    def _join(self, seconds: float | None) -> None:
        if self._thread is not None:
            self._thread.join(seconds)
            self._thread = self._thread if self._thread.is_alive() else None

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to whoever asked for it
            self._failed = error
