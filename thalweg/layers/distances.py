"""Distances between rows: what maps, radial bases and nearest neighbours compare by."""

from torch import Tensor


def squared_distances(x: Tensor, codes: Tensor) -> Tensor:
    """(B, K) squared Euclidean distances of inputs (B, D) from codes (K, D), not below 0."""
    return (x.square().sum(1, keepdim=True) - 2 * x @ codes.T + codes.square().sum(1)).clamp(min=0)
