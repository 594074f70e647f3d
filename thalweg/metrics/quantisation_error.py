"""The quantisation error: how far inputs are from the code that stands for them.

Reference: Kohonen 2001, Self-Organizing Maps, section 3.13.

Axes: B batch, P units.
"""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample


@metric("quantisation-error", better="lower", best=0.0, unit="target", reads="distances", target="none")
class QuantisationError(Metric[Settings]):
    """The mean distance from the nearest code."""

    def rows(self, prediction: Tensor, target: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """(B, 2): distance, counts; of distances (B, P...) from each code. `target` is not read; `mask` (B,) hides examples."""
        nearest = prediction.flatten(1).amin(1).double()
        counts = torch.ones_like(nearest, dtype=torch.bool) if mask is None else mask
        return torch.stack([torch.where(counts, nearest, 0.0), counts.double()], 1)

    def formula(self, total: Tensor) -> Tensor:
        """Distance over examples."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """Nearest distances of 1 and 3: 2."""
        distances = torch.tensor([[1.0, 2.0], [5.0, 3.0], [0.5, 0.5]])
        return MetricExample(Settings(), distances, torch.zeros(3), torch.tensor([True, True, False]))
