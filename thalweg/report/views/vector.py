"""Vectors: how many entries, and the first of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.core.registry import view
from thalweg.report._view import View
from thalweg.report.charts import cloud
from thalweg.report.markup import text

SHOWN = 6


@view("vector")
class VectorView(View):
    """The first entries in a cell; many vectors of two entries as points of a plane."""

    crowd = 400

    def keep(self, value: Any) -> dict[str, Any]:
        flat = np.asarray(value, dtype=np.float64).reshape(-1)
        return {"first": [float(f"{one:.4g}") for one in np.nan_to_num(flat[:SHOWN])], "length": len(flat)}

    def show(self, kept: Any, *, named: str = "") -> str:
        shown = ", ".join(f"{one:g}" for one in kept["first"])
        more = f" … ({kept['length']:,} entries)" if kept["length"] > len(kept["first"]) else ""
        return text(f"{shown}{more}".replace("-", "−"))

    def together(self, own: Sequence[Any], real: Sequence[Any]) -> str:
        if not own or any(one["length"] != 2 for one in (*own, *real)):
            return ""
        made, there = ([(float(one["first"][0]), float(one["first"][1])) for one in rows] for rows in (own, real))
        return cloud(made, there, "Points that were made, over real ones")

    @staticmethod
    def example() -> np.ndarray:
        return np.arange(8.0)
