"""Categories, by their names."""

from typing import Any

from thalweg.core.registry import view
from thalweg.report._view import View
from thalweg.report.markup import text

LONGEST = 40


@view("category")
class CategoryView(View):
    """A name in a cell."""

    def keep(self, value: Any) -> str | None:
        return None if value is None else str(value)[:LONGEST]

    def show(self, kept: Any, *, named: str = "") -> str:
        return text("–" if kept in (None, "") else kept)

    @staticmethod
    def example() -> str:
        return "red"
