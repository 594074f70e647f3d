"""The energy distance: how far two samples are from having one distribution.

Reference: Székely and Rizzo 2013, doi:10.1016/j.jspi.2013.03.018, eq. 1.3.

Axes: B batch, n examples, D coordinates.
"""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample, require_same_shape, side_by_side, spread

CHUNK = 1024
"""Rows whose distances to all others are held at once."""


@metric("energy-distance", better="lower", best=0.0, unit="target", reads="values", target="values")
class EnergyDistance(Metric[Settings]):
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| of predicted samples X and true ones Y, Euclidean; 0 where they agree.

    Every pair counts, a sample with itself too, so samples of n rows of one distribution are about 2 E|X - X'| / n apart.
    """

    additive = False

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2 D + 1): both samples side by side, weight; of values (B, ...). Hidden coordinates are 0 in both."""
        require_same_shape(prediction, target, metric="energy-distance")
        pair = [prediction.double(), target.double()]
        if mask is not None:
            pair = [torch.where(spread(mask, one), one, 0.0) for one in pair]
        weight = pair[0].new_ones(len(target), 1)
        return torch.cat([side_by_side(one) for one in pair] + [weight], 1)

    def formula(self, total: Tensor) -> Tensor:
        """The distance between the two weighted samples, of all rows (n, 2 D + 1)."""
        weight = total[:, -1]
        x, y = total[:, :-1].chunk(2, dim=1)
        between = 2 * _mean_distance(x, y, weight) - _mean_distance(x, x, weight) - _mean_distance(y, y, weight)
        return between.clamp(min=0.0)  # rounding may leave less than nothing

    @staticmethod
    def example() -> MetricExample:
        """0, 2 against 1, 1: twice 1, less 1, less 0."""
        prediction, target = torch.tensor([[0.0, 5.0], [2.0, 7.0]]), torch.tensor([[1.0, 6.0], [1.0, 9.0]])
        return MetricExample(Settings(), prediction, target, torch.tensor([[True, False], [True, False]]))


def _mean_distance(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """The mean of |x_i - y_j| with weights w_i w_j; not a number where there is no weight."""
    exact = "donot_use_mm_for_euclid_dist"
    sums = [
        share @ (torch.cdist(few, y, compute_mode=exact) @ weight)
        for few, share in zip(x.split(CHUNK), weight.split(CHUNK), strict=True)
    ]
    return torch.stack(sums).sum() / weight.sum().square()
