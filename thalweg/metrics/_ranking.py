"""Rankings of examples by their scores, class against the rest; equal scores stand together.

Axes: B batch, n examples, C classes or labels (1 where there are two classes).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from thalweg.metrics._counting import is_class
from thalweg.metrics._metric import shape_refusal


def ranking_rows(prediction: Tensor, target: Tensor, mask: Tensor | None, *, metric: str) -> Tensor:
    """Scores, truths and weight of each example.

    Args:
        prediction: (B,) of class 1, (B, 2), (B, C) by class, or (B, C) by label.
        target: (B,) classes, or (B, C) labels, 0 or 1.
        mask: (B,) bool.

    Returns:
        (B, 2 C + 1) float64; the weight, 1 or 0 when hidden, comes last.

    Raises:
        UsageRefusal: the shapes fit none of these.
    """
    if prediction.shape == target.shape and target.ndim in (1, 2):
        scores, truths = prediction, target == 1
    elif prediction.ndim == 2 and prediction.shape[:1] == target.shape and prediction.shape[1] > 1:
        scores, truths = prediction, is_class(target, prediction.shape[1])
        if prediction.shape[1] == 2:
            scores, truths = scores[:, 1], truths[:, 1]
    else:
        raise shape_refusal(prediction, target, metric=metric, why="a ranking needs one score per class and example")
    shown = torch.ones(len(target), dtype=torch.bool, device=target.device) if mask is None else mask.bool()
    if shown.shape != target.shape[:1]:
        raise shape_refusal(prediction, shown, metric=metric, why="a ranking hides whole examples: the mask is (B,)")
    columns = torch.cat([each[:, None] if each.ndim == 1 else each for each in (scores.double(), truths)], 1)
    return torch.where(shown[:, None], torch.cat([columns, torch.ones_like(columns[:, :1])], 1), 0.0)


def mean_over_classes(rows: Tensor, judge: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The mean of `judge` over the classes for which it is defined.

    Args:
        rows: (n, 2 C + 1) of `ranking_rows`.
        judge: takes the summed weights of the positives and of the negatives at each distinct score, rising, (g,) each.

    Returns:
        Not a number where a score is none: it has no place in a ranking.
    """
    if bool(rows.isnan().any()):
        return rows.new_tensor(torch.nan)
    scores, truths = rows[:, :-1].chunk(2, 1)
    judged = [judge(*_weights_by_score(scores[:, c], truths[:, c], weight=rows[:, -1])) for c in range(scores.shape[1])]
    return torch.stack(judged).nanmean()


def _weights_by_score(scores: Tensor, truth: Tensor, *, weight: Tensor) -> tuple[Tensor, Tensor]:
    distinct, place = scores.unique(return_inverse=True)  # sorted
    empty = torch.zeros_like(distinct)
    return empty.index_add(0, place, weight * truth), empty.index_add(0, place, weight * (1 - truth))
