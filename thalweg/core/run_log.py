"""The run's log: what a run said, each line with its time, in a text file that is only ever added to."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from thalweg.core.errors import Refusal
from thalweg.core.files import append_text
from thalweg.core.talk import Talk

LIVE_SECONDS = 60.0
"""How often the state of a phase that lasts is kept."""
MOST_WAITING = 1 << 18
"""Signs of a log that cannot be written that are kept for a disk which takes them again."""


class RunLog(Talk):
    """Passes on what a run says, and keeps it.

    Until the run has begun it is held back, since the folder may still hold an earlier run: one that is refused leaves no line.
    A log that cannot be written ends no training: that is said once, and its lines wait for the next try.

    Args:
        heard: who hears it besides.
        path: the file; lines of an earlier part of the same run stay.
        refuse: raises where the file's folder may no longer be written.
    """

    def __init__(self, heard: Talk, path: Path, refuse: Callable[[], object] = bool) -> None:
        self.heard, self.path, self.refuse = heard, path, refuse
        self._waiting, self._own, self._live = "", False, time.monotonic()
        self._failed = False

    def say(self, label: str, *lines: str) -> None:
        self.heard.say(label, *lines)
        self.keep(label, *lines)

    def live(self, label: str, text: str, share: float | None = None) -> None:
        self.heard.live(label, text, share)
        if time.monotonic() - self._live >= LIVE_SECONDS:
            self.keep(label, text)

    def warn(self, text: str) -> None:
        self.heard.warn(text)
        self.keep("note", text)

    def keep(self, label: str, *lines: str) -> None:
        self._live = time.monotonic()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        pieces = [piece for line in lines for piece in line.split("\n")]
        self._waiting += "".join(f"{now}  {label:<9}{_plain(piece)}\n" for piece in pieces)
        self._write()

    def begun(self) -> None:
        self.heard.begun()
        self._own = True
        self._write()

    def _write(self) -> None:
        if not (self._own and self._waiting):
            return
        try:
            self.refuse()
            append_text(self.path, self._waiting)
        except Refusal as refusal:
            self._waiting = self._waiting[-MOST_WAITING:]
            if not self._failed:
                self._failed = True
                self.heard.warn(f"the log is not kept for now: {refusal.what}; {refusal.fix}")
        else:
            self._waiting, self._failed = "", False


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)
