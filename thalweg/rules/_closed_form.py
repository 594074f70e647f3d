"""Ridge regression in closed form, its penalty chosen by what each row's own prediction would be without that row.

With centred X and Y and X Xᵀ = V S Vᵀ, the rows' weights at penalty a are (X Xᵀ + a)⁻¹ Y, and the error of a row left out is
its weight over its own diagonal entry of (X Xᵀ + a)⁻¹: one decomposition answers for all rows and all penalties. The direction
of all ones, which the intercept takes and which centred rows do not have, is left out: it would add 1 / (a N).

Of features of several sorts (how often kernels answer, how strongly, how often they win) each has a regression of its own, with
a penalty of its own; how they are put together is the caller's to say.

Reference: Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634; Rifkin and Lippert 2007, MIT-CSAIL-TR-2007-025.

Letters: N rows, F features, M columns that are predicted.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

PENALTIES = tuple(10.0 ** (3 - 6 * i / 9) for i in range(10))
"""From the largest, so that of equals the smoother fit is kept."""
CHOOSING = 3000
"""Rows that choose the penalty, at most: a decomposition grows with their cube."""

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


def ridges(
    features: Tensor, target: Tensor, cost: Cost, *, penalties: Sequence[float], sorts: Tensor | None = None
) -> list[Solution]:
    """A ridge regression on each sort of features alone, with weights of 0 for the others.

    Args:
        features: (N, F).
        sorts: (F,) the number of each feature's sort, from 0; None: all are of one.
    """
    if sorts is None:
        return [ridge(features, target, cost, penalties=penalties)]
    found = []
    for sort in range(int(sorts.max()) + 1):
        places = (sorts == sort).nonzero().squeeze(1)
        one = ridge(features[:, places], target, cost, penalties=penalties)
        weight = torch.zeros(target.shape[1], features.shape[1])
        weight[:, places] = one.weight
        found.append(replace(one, weight=weight))
    return found


def ridge(features: Tensor, target: Tensor, cost: Cost, *, penalties: Sequence[float]) -> Solution:
    """The ridge regression of the target (N, M) on standardised features (N, F), for the penalty of least cost.

    Rows are taken to stand in an order drawn at random: of many the first choose the penalty.

    Args:
        features: (N, F); made to deviate by 1 here, constant ones count for nothing.
        cost: by which the penalty is chosen.
        penalties: tried in turn; of equals the first is kept.
    """
    mean = features.mean(0)
    centred = features - mean
    deviation = centred.square().mean(0).sqrt()
    scale = torch.where(deviation > 1e-7, 1 / deviation.clamp(min=1e-7), 0.0)
    centred *= scale
    level = target.mean(0)
    few = slice(0, CHOOSING)
    penalty, left_out = _chosen(_products(centred[few] - centred[few].mean(0)), target[few], cost, penalties)
    weight = (_weights(centred, (target - level).to(centred), penalty) * scale[:, None]).T  # (M, F)
    return Solution(weight, level - weight.to(level) @ mean.to(level), penalty, left_out)


def _chosen(products: Tensor, target: Tensor, cost: Cost, penalties: Sequence[float]) -> tuple[float, Tensor]:
    """The penalty of least cost, and what it predicts of rows left out (n, M).

    Args:
        products: (n, n) float64 of rows whose mean is 0.
    """
    values, vectors = torch.linalg.eigh(products)  # (n,), (n, n)
    values = values.clamp(min=0)
    centred = (target - target.mean(0)).double()
    turned = vectors.T @ centred
    best: tuple[float, Tensor] | None = None
    least = math.inf
    for penalty in penalties:
        weights = vectors @ (turned / (values + penalty)[:, None])
        own = (vectors.square() / (values + penalty)).sum(1, keepdim=True) - 1 / (penalty * len(products))  # without the ones
        left_out = target - weights / own.clamp(min=1e-12)
        found = cost(left_out, target)
        if best is None or found < least:
            best, least = (penalty, left_out), found
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
