"""The terminal: how wide it is, what it can show, and the talk of a run on it.

A live line is drawn only where somebody looks: on a pipe, with `CI` set or `TERM=dumb`, each phase says a plain line at most
every ten seconds. Signs that the encoding cannot hold are replaced by plain ones.
"""

import contextlib
import errno
import io
import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from thalweg.core.talk import Talk

LABEL = 9
"""Columns that a paragraph's label takes."""
NARROW = 40
"""Below so many columns a paragraph's label stands on a line of its own."""
PLAIN_SECONDS, LIVE_SECONDS = 10.0, 0.1
BAR = 24
UNIT = re.compile(r"(?<=\d) (?=(?:s|ms|%|kB|MB|GB)\b|%)")
"""The blank between a number and its unit, at which no line is folded."""

_PLAIN = str.maketrans(
    {
        "─": "-", "━": "=", "╸": "-", "├": "|", "┤": "|", "●": "o", "·": "|", "–": "-", "—": "-", "−": "-", "→": "->", "×": "x",
        "²": "2", "≥": ">=", "≤": "<=", "…": "...", "“": '"', "”": '"', "’": "'", "µ": "u", "±": "+-", "°": " deg",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Terminal:
    """A stream that people read.

    Attributes:
        stream: None where it was closed before the program started: what is written goes nowhere.
        width: columns.
        live: lines may be drawn anew in place.
        colour: dim and bold may be used.
        encoding: what the stream can hold.
    """

    stream: TextIO | None
    width: int = 80
    live: bool = False
    colour: bool = False
    encoding: str = "utf-8"

    @staticmethod
    def of(stream: TextIO | None) -> "Terminal":
        """The terminal behind a stream, as the environment describes it."""
        if stream is None:
            return Terminal(None)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
        drawn = stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
        width = max(20, shutil.get_terminal_size((100, 24)).columns) if stream.isatty() or "COLUMNS" in os.environ else 100
        return Terminal(stream, width, drawn, drawn and not os.environ.get("NO_COLOR"), stream.encoding or "utf-8")

    def shown(self, text: str) -> str:
        """The text in signs that the encoding holds."""
        try:
            text.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return text.translate(_PLAIN).encode("ascii", "replace").decode()
        return text

    def write(self, text: str) -> None:
        """Text as it is, at once; nowhere once the terminal was closed, which does not end what a run does."""
        if self.stream is None:
            return
        try:
            self.stream.write(self.shown(text))
            self.stream.flush()
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            hush(self.stream)

    def lines(self, lines: Iterable[str]) -> None:
        """Whole lines."""
        self.write("".join(f"{line}\n" for line in lines))

    def emphasised(self, text: str) -> str:
        """Bold where colour is used."""
        return f"\x1b[1m{text}\x1b[0m" if self.colour and text else text


def hush(stream: TextIO) -> None:
    """What a stream still holds back, and all that follows, goes nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def paragraph(label: str, lines: Iterable[str], *, width: int, indent: int = LABEL) -> list[str]:
    """A label and its lines, each folded to the width and indented under the first."""
    room = width - indent if width >= NARROW else width - 2
    folded = [piece for line in lines for piece in _folded(line, room)]
    if width < NARROW:
        return [label, *(f"  {line}" for line in folded)]
    heads = [label.ljust(indent), *[" " * indent] * (len(folded) - 1)]
    return [f"{head}{line}".rstrip() for head, line in zip(heads, folded or [""], strict=False)]


def _folded(line: str, width: int) -> list[str]:
    kept = UNIT.sub("\u00a0", line)
    pieces = textwrap.wrap(kept, width, break_on_hyphens=False, drop_whitespace=True) or [""]
    return [piece.replace("\u00a0", " ") for piece in pieces]


class TerminalTalk(Talk):
    """A run's talk as paragraphs on a terminal.

    Args:
        quiet: only warnings are shown.
    """

    def __init__(self, terminal: Terminal, *, quiet: bool = False) -> None:
        self.terminal, self.quiet = terminal, quiet
        self._drawn, self._held, self._said = "", "", -PLAIN_SECONDS

    def say(self, label: str, *lines: str) -> None:
        self._erase()
        self._held = ""
        if self.quiet:
            return
        head, *rest = paragraph(label, lines, width=self.terminal.width)
        self.terminal.lines([self.terminal.emphasised(head[: len(label)]) + head[len(label) :], *rest])

    def live(self, label: str, text: str, share: float | None = None) -> None:
        now = time.monotonic()
        pause = LIVE_SECONDS if self.terminal.live else PLAIN_SECONDS
        if self.quiet or (now - self._said < pause and self._drawn + self._held):
            self._held = text
            return
        if not self.terminal.live:
            self._told_plainly(label, text, now)
            return
        self._said = now
        self._erase()
        self._drawn = _bar_line(label, text, share, self.terminal.width - 1)
        self.terminal.write(self._drawn)

    def warn(self, text: str) -> None:
        self._erase()
        self.terminal.lines(paragraph("note", [text], width=self.terminal.width))

    def close(self) -> None:
        """Leave no half-drawn line behind."""
        self._erase()

    def _told_plainly(self, label: str, text: str, now: float) -> None:
        if not self._held:  # the first word of a phase waits: short phases say only what they came to
            self._held, self._said = text, now
            return
        self._said, self._held = now, text
        self.terminal.lines(paragraph(label, [text], width=self.terminal.width))

    def _erase(self) -> None:
        if self._drawn:
            self.terminal.write("\r" + " " * len(self._drawn) + "\r")
            self._drawn = ""


def _bar_line(label: str, text: str, share: float | None, width: int) -> str:
    """The label, the first words, a bar and the rest; where room is short, what stands last but one goes, then the bar."""
    pieces = text.split("  ")
    while len(pieces) > 2 and LABEL + len("  ".join(pieces)) > width:
        pieces.pop(-2 if len(pieces) > 3 else 1)
    text = "  ".join(pieces)
    first, _, rest = text.partition("  ")
    room = width - LABEL - len(text) - 3
    if share is None or room < 6:
        return f"{label.ljust(LABEL)}{text}"[:width]
    return f"{label.ljust(LABEL)}{first}  {measure(share, min(BAR, room))}  {rest}"[:width].rstrip()


def measure(share: float, width: int) -> str:
    """How much is done, as a line of that many columns."""
    done = round(min(max(share, 0.0), 1.0) * width)
    return "━" * max(0, done - 1) + ("╸" if done else "") + "─" * (width - done)


def standard_output() -> Terminal:
    """Where results go."""
    return Terminal.of(sys.stdout)


def standard_error() -> Terminal:
    """Where talk and refusals go."""
    return Terminal.of(sys.stderr)
