"""Texts: the beginning, in a cell that wraps; signs that cannot be printed are shown by their codes."""

from typing import Any

from thalweg.core.printable import printable
from thalweg.core.registry import view
from thalweg.report._view import View
from thalweg.report.markup import text

LONGEST = 280


@view("text")
class TextView(View):
    """What is written, cut where it is long."""

    alone = True
    modality = "text"

    def keep(self, value: Any) -> str | None:
        return None if value is None else printable(" ".join(str(value)[: 4 * LONGEST].split()))[:LONGEST]

    def show(self, kept: Any, *, named: str = "") -> str:
        if kept is None or not str(kept):
            return text("–")
        return text(f"{kept} …" if len(str(kept)) >= LONGEST else kept)

    @staticmethod
    def example() -> str:
        return "A film that is dull from its first minute, and then \u202e\u0007<b>longer</b> than it needs to be."
