"""Counts that the metrics of classes share.

Axes: B batch, P any further positions, C classes.
"""

import torch
from torch import Tensor

from thalweg.metrics._metric import Metric, S, require_same_shape, shape_refusal, summed


def shares(hits: Tensor, mask: Tensor | None) -> Tensor:
    """(B, 2) rows: the hits among the shown positions of (B, P...), and how many are shown."""
    return torch.stack([summed(hits, mask), summed(torch.ones_like(hits), mask)], 1)


def confusion(prediction: Tensor, target: Tensor, mask: Tensor | None, *, positive: int) -> Tensor:
    """(B, 3) rows: true positives, false positives, false negatives of the class `positive` among (B, P...)."""
    require_same_shape(prediction, target, metric="f1")
    said, true = prediction == positive, target == positive
    return torch.stack([summed(said & true, mask), summed(said & ~true, mask), summed(~said & true, mask)], 1)


class HarmonicMean(Metric[S]):
    """The base of every F1 over one count of rows (B, 3): found rightly, found wrongly, missed."""

    def formula(self, total: Tensor) -> Tensor:
        """2 TP / (2 TP + FP + FN)."""
        return f1_of(total[..., 0], total[..., 1], total[..., 2])


def f1_of(true_positives: Tensor, false_positives: Tensor, false_negatives: Tensor) -> Tensor:
    """2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall; not a number where all three are 0."""
    return 2 * true_positives / (2 * true_positives + false_positives + false_negatives)


def probabilities_by_class(prediction: Tensor, target: Tensor, *, metric: str) -> Tensor:
    """The probability of each class: (B, P..., C) as given, or (B, P..., 2) from that of the class 1.

    Raises:
        UsageRefusal: the prediction has neither the target's shape nor one axis more.
    """
    if prediction.shape == target.shape:
        return torch.stack([1 - prediction, prediction], -1)
    if prediction.shape[:-1] == target.shape and prediction.shape[-1] > 1:
        return prediction
    raise shape_refusal(
        prediction, target, metric=metric, why="the last axis holds the classes; without it the value is that of the class 1"
    )


def is_class(target: Tensor, classes: int) -> Tensor:
    """(..., C) bool: which class each target is; none for what lies outside [0, C)."""
    return target[..., None] == torch.arange(classes, device=target.device)
