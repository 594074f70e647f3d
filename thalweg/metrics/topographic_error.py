"""The topographic error: how often a map tears apart what lies together.

Reference: Kiviluoto 1996, doi:10.1109/ICNN.1996.548907.

Axes: B batch, R rows and C columns of the map's grid.
"""

import torch
from torch import Tensor

from thalweg.core.grids import unravelled
from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample


@metric("topographic-error", better="lower", best=0.0, unit="share", reads="distances", target="none", interval="proportion")
class TopographicError(Metric[Settings]):
    """The share of inputs whose two nearest codes are no neighbours on the grid (of eight)."""

    def rows(self, prediction: Tensor, target: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """(B, 2): torn, counts; of distances (B, R, C), or (B, C), from each code. `target` is not read.

        `mask` (B,) hides examples. With one code nothing can be torn; an input with a distance that is no number is.
        """
        flat, grid = prediction.flatten(1), prediction.shape[1:]
        two = flat.topk(min(2, flat.shape[1]), dim=1, largest=False).indices  # (B, 2)
        places = torch.stack(unravelled(two, grid), -1)  # (B, 2, axes of the grid)
        torn = ((places[:, 0] - places[:, -1]).abs().amax(1) > 1) | flat.isnan().any(1)
        counts = torch.ones_like(torn) if mask is None else mask
        return torch.stack([torn & counts, counts], 1).double()

    def formula(self, total: Tensor) -> Tensor:
        """Torn over examples."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """On a row of three units, the first and the last are no neighbours: one of two is torn."""
        distances = torch.tensor([[[0.0, 5.0, 1.0]], [[2.0, 1.0, 4.0]], [[0.0, 5.0, 1.0]]])
        return MetricExample(Settings(), distances, torch.zeros(3), torch.tensor([True, True, False]))
