"""Fresh processes at a fraction of the cost: each is forked from one that has imported torch and numpy, and nothing of ours.

That one is started anew, not forked from the tests, so nothing that a test did or imported reaches a fresh process.
"""

import multiprocessing
import os
import traceback
from collections.abc import Callable
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["numpy", "torch", "sklearn.datasets"])


class Fresh:
    """A process of its own that calls a function.

    Args:
        work: a function of a module that imports nothing heavy.
        environment: what its environment holds beyond ours.
    """

    def __init__(self, work: Callable[..., Any], *given: Any, **environment: str) -> None:
        self._ours, theirs = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=_answer, args=(theirs, work, given, environment), daemon=True)
        self._process.start()
        theirs.close()

    def answer(self, *, seconds: float = 110) -> Any:
        """What the function returned; what it raised fails the test with its traceback."""
        try:
            assert self._ours.poll(seconds), "no answer in time"
            fine, answer = self._ours.recv()
        except EOFError:
            self._process.join(10)
            fine, answer = False, f"the process ended with {self._process.exitcode}"
        finally:
            self._process.join(10)
            self._process.kill()
        assert fine, answer
        return answer


def _answer(pipe: Any, work: Callable[..., Any], given: tuple[Any, ...], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    try:
        answer = (True, work(*given))
    except Exception:  # noqa: BLE001 - whatever it is, the test tells it
        answer = (False, traceback.format_exc())
    pipe.send(answer)
