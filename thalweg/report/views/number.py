"""Numbers, in as many digits as tell them apart."""

import math
from typing import Any

from thalweg.core.registry import view
from thalweg.report._view import View
from thalweg.report.markup import text


@view("number")
class NumberView(View):
    """A number in a cell."""

    def keep(self, value: Any) -> float | str | None:
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):  # dates and words that were read as numbers
            return str(value)[:40]
        return float(f"{number:.6g}") if math.isfinite(number) else None

    def show(self, kept: Any, *, named: str = "") -> str:
        if not isinstance(kept, int | float):
            return text("–" if kept is None else kept)
        return text(f"{kept:,.{3 if abs(kept) < 1 else 6}g}".replace("-", "−"))

    @staticmethod
    def example() -> float:
        return 1234.5678
