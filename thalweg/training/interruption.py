"""A signal that asks a training to stop: heard at the end of a step, and told with what was saved."""

import math
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from thalweg.core.errors import Refusal, Stopped
from thalweg.core.interrupts import hearing
from thalweg.core.later import Later
from thalweg.rules._rule import Rule
from thalweg.training.loop import Progress

INTERRUPTED = "interrupted"
"""Why a training stopped, where a signal asked for it."""
PATIENCE = 3.0
"""Seconds that the end of a step, and of the evaluation after it, is waited for."""


class Interrupted(Refusal):
    """A signal asked to stop; a checkpoint was saved.

    Args:
        saved: what the checkpoint holds.
    """

    def __init__(self, number: int, folder: Path, *, saved: str = "everything up to this step") -> None:
        super().__init__(
            "TRAIN_STOPPED",
            f"stopped by {signal.Signals(number).name}; {saved} is saved",
            where=str(folder),
            why="the run goes on from there and ends with the same bits",
            fix=f"thalweg train --resume --out {folder}",
        )
        self.exit_code = 128 + number


class Interruption:
    """Asks to stop at the end of a step once a signal has come; a second signal quits at once.

    A step, or an evaluation after it, that has not ended within `PATIENCE` is left as by a second signal: what counts then is
    the last checkpoint. Python hears of signals between calls of compiled code: one that lasts is cut by the command line
    alone, which ends the process then (`thalweg.core.unheard`).
    """

    def __init__(self) -> None:
        self.number = 0
        self._impatient: Later | None = None

    def __call__(self, progress: Progress, rule: Rule) -> None:
        processes = rule.context.processes
        if processes.world > 1:  # a signal may reach one of them, or each in another step: all stop at the same one
            [heard] = processes.sum([torch.tensor(int(self.number > 0))])
            self.number = self.number or (signal.SIGTERM if int(heard) else 0)
        if self.number:
            self._calm()  # the step has ended: what remains is to save it
            progress.stopped = progress.stopped or INTERRUPTED

    def due(self, progress: Progress) -> float:
        return math.inf

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""

    @contextmanager
    def heard(self, *, alone: bool = True) -> Iterator[None]:
        """Signals are heard here instead of ending the process, in the main thread; what is ignored stays so (`nohup`).

        Args:
            alone: no other process waits for this one's steps.
        """
        with hearing(partial(self._hear, alone=alone), patient=not alone):
            try:
                yield
            finally:
                self._calm()

    def _hear(self, number: int, *, alone: bool) -> None:
        if self.number:
            self._calm()
            raise Stopped(number)
        self.number = number
        if alone:
            self._impatient = Later(PATIENCE, partial(os.kill, os.getpid(), number))
            self._impatient.start()

    def _calm(self) -> None:
        """Wait no longer; nothing is sent after this."""
        if self._impatient is not None:
            self._impatient.call_off()
