"""Vectors: how many entries, and the first of them."""

from typing import Any

import numpy as np

from thalweg.core.registry import view
from thalweg.report._view import View
from thalweg.report.markup import text

SHOWN = 6


@view("vector")
class VectorView(View):
    """The first entries in a cell."""

    def keep(self, value: Any) -> dict[str, Any]:
        flat = np.asarray(value, dtype=np.float64).reshape(-1)
        return {"first": [float(f"{one:.4g}") for one in np.nan_to_num(flat[:SHOWN])], "length": len(flat)}

    def show(self, kept: Any) -> str:
        shown = ", ".join(f"{one:g}" for one in kept["first"])
        more = f" … ({kept['length']:,} entries)" if kept["length"] > len(kept["first"]) else ""
        return text(f"{shown}{more}".replace("-", "−"))

    @staticmethod
    def example() -> np.ndarray:
        return np.arange(8.0)
