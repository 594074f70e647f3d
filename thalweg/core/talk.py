"""Talk: what a run tells people while it works. Silent by default; the command line prints it, notebooks may show it."""

import os
import sys
import warnings
from types import FrameType

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Note(UserWarning):
    """A sentence on something that needs care: rows left out, values never seen.

    It points at the line that called thalweg and is shown once for it; `warnings.simplefilter("ignore", tw.Note)` silences all.
    """


class Talk:
    """Hears what a run says and keeps it to itself."""

    def say(self, label: str, *lines: str) -> None:
        """A finished paragraph: a label of one word (data, model, learn, ...) and its lines."""

    def live(self, label: str, text: str, share: float | None = None) -> None:
        """The state of the phase under way; replaces what this phase showed before.

        Args:
            share: how much of the phase is done, in [0, 1].
        """

    def warn(self, text: str) -> None:
        """A sentence on something that needs care."""

    def keep(self, label: str, *lines: str) -> None:
        """Something for the run's log alone: people are shown it in another form."""

    def begun(self) -> None:
        """The folder is the run's own from now on: what was said and is said may be kept there."""


class Aloud(Talk):
    """Says what needs care as Python's own warnings: for calls from Python that nobody else listens to."""

    def warn(self, text: str) -> None:
        warnings.warn(text, Note, stacklevel=_levels_to_caller())


def _levels_to_caller() -> int:
    """How many levels above the calling line stands the one that called this package."""
    frame: FrameType | None = sys._getframe(1)
    level = outermost = 1
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            outermost = level
        frame, level = frame.f_back, level + 1
    return outermost + 1
