"""Ridge regression in closed form, its penalty chosen by what each row's own prediction would be without that row.

With centred X and Y and X Xᵀ = V S Vᵀ, the rows' weights at penalty a are (X Xᵀ + a)⁻¹ Y, and the error of a row left out is
its weight over its own diagonal entry of (X Xᵀ + a)⁻¹: one decomposition answers for all rows and all penalties. The direction
of all ones, which the intercept takes and which centred rows do not have, is left out: it would add 1 / (a N).

Features of several sorts (shares, and wins of kernels) are weighed against each other in the same way: of a few mixtures, the
one whose left-out errors are least.

Reference: Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634; Rifkin and Lippert 2007, MIT-CSAIL-TR-2007-025.

Letters: N rows, F features, M columns that are predicted, S sorts of features.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PENALTIES = tuple(10.0 ** (3 - 6 * i / 9) for i in range(10))
"""From the largest, so that of equals the smoother fit is kept."""
CHOOSING = 3000
"""Rows that choose the penalty, at most: a decomposition grows with their cube."""

MIXING = 1000
"""Rows that choose the mixture, at most."""
RATIOS = (3.0, 10.0)
"""How many times as much one sort counts as the others, where not all count the same."""

Cost = Callable[[Tensor, Tensor], float]
"""How bad predictions of rows left out (n, M) are, given their targets (n, M)."""


@dataclass(frozen=True)
class Solution:
    """A linear map of plain features: x @ weight.T + bias.

    Attributes:
        weight: (M, F).
        bias: (M,).
        penalty: the one that was chosen.
        left_out: (n, M) predictions of the rows that chose, each made without it.
    """

    weight: Tensor
    bias: Tensor
    penalty: float
    left_out: Tensor


def ridge(features: Tensor, target: Tensor, cost: Cost, *, penalties: Sequence[float], sorts: Tensor | None = None) -> Solution:
    """The ridge regression of the target (N, M) on standardised features (N, F), for the penalty of least cost.

    Rows are taken to stand in an order drawn at random: of many the first choose the penalty.

    Args:
        features: (N, F); made to deviate by 1 here, constant ones count for nothing.
        cost: by which the penalty is chosen.
        penalties: tried in turn; of equals the first is kept.
        sorts: (F,) the number of each feature's sort, from 0; None: all are of one, and count the same.
    """
    mean = features.mean(0)
    centred = features - mean
    deviation = centred.square().mean(0).sqrt()
    scale = torch.where(deviation > 1e-7, 1 / deviation.clamp(min=1e-7), 0.0)
    centred *= scale
    if sorts is not None and int(sorts.max()):
        mixture = _mixture(centred[:MIXING], target[:MIXING], cost, penalties, sorts).to(centred)
        centred *= mixture
        scale = scale * mixture
    level = target.mean(0)
    few = slice(0, CHOOSING)
    penalty, left_out, _ = _chosen(_products(centred[few] - centred[few].mean(0)), target[few], cost, penalties)
    weight = (_weights(centred, (target - level).to(centred), penalty) * scale[:, None]).T  # (M, F)
    return Solution(weight, level - weight.to(level) @ mean.to(level), penalty, left_out)


def _mixture(rows: Tensor, target: Tensor, cost: Cost, penalties: Sequence[float], sorts: Tensor) -> Tensor:
    """(F,) what features are multiplied by, so that sorts count as in the mixture of least cost."""
    counts = torch.bincount(sorts)
    rows = rows - rows.mean(0)
    products = torch.stack([_products(rows[:, sorts == one]) / count for one, count in enumerate(counts.tolist())])  # (S, n, n)
    mixtures = _mixtures(len(counts))
    costs = [_chosen(len(sorts) * _mixed(products, one), target, cost, penalties)[2] for one in mixtures]
    best = mixtures[costs.index(min(costs))]
    return (len(sorts) * best / counts).sqrt()[sorts]


def _mixed(products: Tensor, mixture: Tensor) -> Tensor:
    return torch.einsum("snm,s->nm", products, mixture)


def _mixtures(sorts: int) -> list[Tensor]:
    """Shares (S,) of the sorts: all the same, and each of them more than the others; each sums to 1."""
    even = torch.ones(sorts, dtype=torch.float64)
    tried = [even] + [torch.where(torch.arange(sorts) == one, ratio, even) for ratio in RATIOS for one in range(sorts)]
    return [one / one.sum() for one in tried]


def _chosen(products: Tensor, target: Tensor, cost: Cost, penalties: Sequence[float]) -> tuple[float, Tensor, float]:
    """The penalty of least cost, what it predicts of rows left out (n, M), and that cost.

    Args:
        products: (n, n) float64 of rows whose mean is 0.
    """
    values, vectors = torch.linalg.eigh(products)  # (n,), (n, n)
    values = values.clamp(min=0)
    centred = (target - target.mean(0)).double()
    turned = vectors.T @ centred
    best: tuple[float, Tensor, float] | None = None
    for penalty in penalties:
        weights = vectors @ (turned / (values + penalty)[:, None])
        own = (vectors.square() / (values + penalty)).sum(1, keepdim=True) - 1 / (penalty * len(products))  # without the ones
        left_out = target - weights / own.clamp(min=1e-12)
        found = cost(left_out, target)
        if best is None or found < best[2]:
            best = (penalty, left_out, found)
    assert best is not None, "there are penalties to choose from"
    return best


def _weights(rows: Tensor, target: Tensor, penalty: float) -> Tensor:
    """(F, M) for centred rows (N, F): through whichever of the two matrices of products is smaller."""
    count, features = rows.shape
    if count <= features:
        products = _products(rows)
        products.diagonal().add_(penalty)
        return rows.T @ torch.cholesky_solve(target.double(), torch.linalg.cholesky(products)).to(rows)
    products = _products(rows.T)
    products.diagonal().add_(penalty)
    return torch.cholesky_solve((rows.T @ target).double(), torch.linalg.cholesky(products)).to(rows)


def _products(rows: Tensor) -> Tensor:
    """(N, N) float64 of the rows' products; float32 would leave small penalties below its noise."""
    exact = rows.double()
    return exact @ exact.T
