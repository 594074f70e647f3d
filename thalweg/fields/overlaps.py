"""How much boxes overlap: what finding them is judged by, and what double findings are told by.

Boxes are x1, y1, x2, y2 in any one unit, x1 <= x2 and y1 <= y2. Axes: N and M boxes.
"""

import torch
from torch import Tensor


def intersection_over_union(boxes: Tensor, others: Tensor) -> Tensor:
    """The shared area over the joint area of each of (..., N, 4) and each of (..., M, 4): (..., N, M) in [0, 1].

    Boxes without area overlap with nothing.
    """
    left_top = torch.maximum(boxes[..., :, None, :2], others[..., None, :, :2])
    right_bottom = torch.minimum(boxes[..., :, None, 2:4], others[..., None, :, 2:4])
    shared = (right_bottom - left_top).clamp(min=0).prod(-1)  # (..., N, M)
    joint = areas(boxes)[..., :, None] + areas(others)[..., None, :] - shared
    return shared / joint.clamp(min=torch.finfo(boxes.dtype).tiny)


def areas(boxes: Tensor) -> Tensor:
    """(...) the areas of boxes (..., 4)."""
    return (boxes[..., 2:4] - boxes[..., :2]).clamp(min=0).prod(-1)


def not_suppressed(boxes: Tensor, scores: Tensor, *, overlap: float) -> Tensor:
    """(B, N) bool: boxes that no better one of the same row, itself kept, overlaps by more than `overlap`.

    Args:
        boxes: (B, N, 4).
        scores: (B, N); of equal ones the first is the better. What is not finite is never kept.
        overlap: share of the joint area, in [0, 1].

    Reference: greedy non-maximum suppression, as in Dalal & Triggs 2005, doi:10.1109/CVPR.2005.177.
    """
    order = scores.argsort(dim=1, descending=True, stable=True)
    ranked = boxes.gather(1, order[:, :, None].expand(-1, -1, 4))
    rivals = (intersection_over_union(ranked, ranked) > overlap).triu(1)  # (B, N, N): the row's box beats the column's
    kept = scores.gather(1, order).isfinite()
    for rank in range(boxes.shape[1]):
        kept = kept & ~(rivals[:, rank] & kept[:, rank : rank + 1])
    return torch.zeros_like(kept).scatter(1, order, kept)
