"""Windows of a running text: as they are written, their ends of lines shown."""

from typing import Any

from thalweg.core.printable import printable
from thalweg.core.registry import view
from thalweg.report._view import View
from thalweg.report.markup import text

LONGEST = 400
LINE = " ⏎ "
"""What stands for the end of a line."""


@view("symbols")
class SymbolsView(View):
    """What is written, cut where it is long."""

    alone = True
    modality = "text"

    def keep(self, value: Any) -> str | None:
        if value is None:
            return None
        return printable(str(value)[:LONGEST].replace("\n", LINE))

    def show(self, kept: Any, *, named: str = "") -> str:
        return text(kept if kept else "–")

    @staticmethod
    def example() -> str:
        return "To be, or not to be,\nthat is \u202e<b>the</b> question"
