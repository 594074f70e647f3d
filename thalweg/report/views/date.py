"""Dates, as the calendar writes them; with the time of day where there is one."""

from typing import Any

import numpy as np

from thalweg.core.registry import view
from thalweg.report._view import View
from thalweg.report.markup import text


@view("date")
class DateView(View):
    """A date in a cell."""

    def keep(self, value: Any) -> str | None:
        if value is None or (isinstance(value, np.datetime64) and np.isnat(value)):
            return None
        shown = str(value.astype("datetime64[s]") if isinstance(value, np.datetime64) else value)
        return shown.removesuffix("T00:00:00").replace("T", " ")[:19]

    def show(self, kept: Any, *, named: str = "") -> str:
        return text("–" if kept is None else str(kept))

    @staticmethod
    def example() -> np.datetime64:
        return np.datetime64("2024-12-31T23:59:00", "us")
