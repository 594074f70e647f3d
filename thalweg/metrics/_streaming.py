"""A metric that is fed batch by batch, and merged over workers in any order."""

from collections.abc import Mapping

import torch
from torch import Tensor

from thalweg.metrics._metric import Metric


class Streaming:
    """Collects the rows of a metric.

    Sums carry a compensation, so that neither the number of batches nor their order shows in the value.

    Reference: Neumaier 1974, doi:10.1002/zamm.19740540106 (the compensation).
    """

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._clear()

    def add(self, rows: Tensor) -> None:
        """Take in rows (B, k) of the metric, weighted or not."""
        rows = rows.detach()
        if self.metric.additive:
            self._gather(rows.sum(0))
        else:
            self._kept.append(rows)
        self._empty = False

    def merge(self, other: "Streaming") -> None:
        """Take in all that another stream of the same metric has seen."""
        self.load_state_dict(other.state_dict(), keep=True)

    def value(self) -> float | None:
        """The metric of all that was added; None where it is undefined (`metric.undefined` says when) or nothing was added."""
        if self._empty:
            return None
        return self.metric.value(self._total + self._lost if self.metric.additive else torch.cat(self._kept))

    def state_dict(self) -> dict[str, Tensor]:
        """What was collected: `total` and `lost` (k,), or `rows` (n, k); empty when nothing was added."""
        if self._empty:
            return {}
        return {"total": self._total, "lost": self._lost} if self.metric.additive else {"rows": torch.cat(self._kept)}

    def load_state_dict(self, state: Mapping[str, Tensor], *, keep: bool = False) -> None:
        """Replace what was collected by a state; with `keep`, add the state to it."""
        if not keep:
            self._clear()
        for name in ("total", "lost"):
            if name in state:
                self._gather(state[name])
        if "rows" in state:
            self._kept.append(state["rows"])
        self._empty = self._empty and not state

    def _clear(self) -> None:
        self._kept: list[Tensor] = []  # rows of a metric that is not additive
        self._total = self._lost = torch.zeros((), dtype=torch.float64)
        self._empty = True

    def _gather(self, sums: Tensor) -> None:
        before = self._total.to(sums.device)
        after = before + sums
        larger = before.abs() >= sums.abs()
        self._lost = self._lost.to(sums.device) + torch.where(larger, (before - after) + sums, (sums - after) + before)
        self._total = after
