"""Scores made into logarithms of odds, by rows that were left out: how much each regression counts, and each class in advance.

The mean of several regressions' scores is multiplied by the one number that makes the rows likeliest. Then each regression may
count a little more or less than the others, and each class gets a bias: what maximises the likelihood together with a normal
prior of small variance around equal counts and no biases, so that few rows change little and thousands as much as they say. The
targets are smoothed: a few rows that are all told right would ask for infinite certainty.

Reference: one number for all: Guo et al. 2017, arXiv:1706.04599; biases and smoothed targets: Platt 1999, Probabilistic outputs
for support vector machines; regressions weighed by what they say of rows left out: Wolpert 1992,
doi:10.1016/S0893-6080(05)80023-1. The prior is ours; what it brings is in LOG.md.

Letters: S regressions, N rows, M classes.
"""

import torch
from torch import Tensor, nn

VARIANCE = 0.1
"""Of the prior of each regression's count, around 1, and of each class's bias, around 0."""
NARROWED = 24
"""Times that the range of the sharpness is narrowed."""
STEPS, ENOUGH = 50, 1e-6
"""Steps towards the likeliest counts and biases, at most, and how small the last one is at most."""


def log_odds(scores: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """What makes scores (S, N, M) of rows left out into logarithms of odds (N, M), given the rows' classes (N,).

    Returns:
        What each regression is multiplied by (S,) before all are summed, and what is added to each class (M,); float64.
    """
    sharpness = sharpest(scores.mean(0), classes) / len(scores)
    found = _likeliest(sharpness * scores.double(), _smoothed(classes, scores.shape[2]))
    return sharpness * found[: len(scores)], found[len(scores) :]


def _likeliest(scores: Tensor, wanted: Tensor) -> Tensor:
    """Counts and biases (S + M,) that maximise likelihood times prior, by Newton's steps, halved where they are too long.

    Args:
        wanted: shares of the classes (N, M).
    """
    parts = list(scores.shape[::2])
    equal = torch.cat([torch.ones(parts[0]), torch.zeros(parts[1])]).double()

    def odds(at: Tensor) -> Tensor:
        counts, bias = at.split(parts)
        return torch.einsum("s,snm->nm", counts, scores) + bias

    def cost(at: Tensor) -> Tensor:
        unlikely = nn.functional.cross_entropy(odds(at), wanted, reduction="sum")
        return unlikely + (at - equal).square().sum() / (2 * VARIANCE)

    found = equal
    for _ in range(STEPS):
        shares = odds(found).softmax(1)
        surplus = shares - wanted
        slope = torch.cat([torch.einsum("nm,snm->s", surplus, scores), surplus.sum(0)]) + (found - equal) / VARIANCE
        step = torch.linalg.solve(_curvature(scores, shares), slope)
        while step.abs().max() > ENOUGH and cost(found - step) > cost(found):
            step = step / 2
        found = found - step
        if step.abs().max() <= ENOUGH:
            break
    return found


def _curvature(scores: Tensor, shares: Tensor) -> Tensor:
    """(S + M, S + M) second derivatives of minus the logarithm of likelihood times prior, by counts, then biases."""
    above = scores - (shares * scores).sum(2, keepdim=True)  # of their mean over the classes
    counts = torch.einsum("nm,snm,tnm->st", shares, above, above)
    both = torch.einsum("nm,snm->sm", shares, above)
    biases = shares.sum(0).diag() - shares.T @ shares
    found = torch.cat([torch.cat([counts, both], 1), torch.cat([both.T, biases], 1)])
    found.diagonal().add_(1 / VARIANCE)
    return found


def sharpest(scores: Tensor, classes: Tensor) -> float:
    """What scores (N, M) are multiplied by to make the classes (N,) likeliest, between 1/4 and 64, by golden section."""
    ratio, scores, wanted = (5**0.5 - 1) / 2, scores.double(), _smoothed(classes, scores.shape[1])
    low, high = -2.0, 6.0
    for _ in range(NARROWED):
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        costs = [nn.functional.cross_entropy(scores * 2**power, wanted) for power in (first, second)]
        low, high = (low, second) if costs[0] < costs[1] else (first, high)
    return float(2 ** ((low + high) / 2))


def _smoothed(classes: Tensor, count: int) -> Tensor:
    """The classes (N,) as shares (N, M), of which 1 / (N + 2) is spread over all."""
    spread = 1 / (len(classes) + 2)
    return (1 - spread) * nn.functional.one_hot(classes, count).double() + spread / count
