"""Talk: what a run tells people while it works. Silent by default; the command line prints it, notebooks may show it."""

import warnings


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
        warnings.warn(text, stacklevel=2)
