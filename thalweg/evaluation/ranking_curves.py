"""Curves over all thresholds: what is found against what is called wrongly (ROC), and how pure it is (precision and recall).

Two classes are one comparison, of the rarer with the other; of more, each is told from the rest.

Letters: n examples, C classes, t distinct scores.
"""

from typing import Any

import numpy as np
import torch

from thalweg.evaluation.clopper_pearson import clopper_pearson
from thalweg.evaluation.one_metric import estimate
from thalweg.evaluation.reliability import rarest
from thalweg.tasks._task import made_metric

MOST_CLASSES = 30
"""More classes than this get no curves."""
MANY = 2
"""Curves of more classes than this are drawn through fewer points."""
POINTS, FEWER_POINTS = 160, 60

Pairs = list[tuple[float, float]]


def ranking_curves(probabilities: np.ndarray, true: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Both curves of each class with their areas, as JSON values; empty where there is nothing to rank.

    Args:
        probabilities: (n, C).
        true: (n,) codes.
    """
    counts = np.bincount(true, minlength=len(names))
    there = [code for code in range(len(names)) if 0 < counts[code] < len(true)]
    if not there or len(names) > MOST_CLASSES:
        return {}
    if len(names) == MANY:
        there = [rarest(true, len(names))]
    most = POINTS if len(there) == 1 else FEWER_POINTS
    said = probabilities.argmax(1)
    classes = [_of_class(probabilities[:, c], true == c, said == c, most=most) | {"class": names[c]} for c in there]
    return {"number_of_classes": len(names), "classes": classes}


def roc(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(t + 1, 2) shares of negatives called and of positives found, from the strictest threshold to the mildest."""
    found, called = _counts(scores, truth)
    return np.stack([_from_none((called - found) / max((~truth).sum(), 1)), _from_none(found / max(truth.sum(), 1))], 1)


def precision_recall(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(t, 2) recall and precision, from the strictest threshold to the mildest."""
    found, called = _counts(scores, truth)
    return np.stack([found / max(truth.sum(), 1), found / called], 1)


def thinned(points: np.ndarray, most: int) -> Pairs:
    """At most that many of the points of a curve, evenly along it; ends always, and all of its corners where they are few.

    Args:
        points: (t, 2).
    """
    if len(points) > 2:
        first, second = np.diff(points[:-1], axis=0), np.diff(points[1:], axis=0)
        straight = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) < 1e-15
        points = points[np.concatenate([[True], ~straight, [True]])]
    if len(points) > most:
        along = np.concatenate([[0.0], np.abs(np.diff(points, axis=0)).sum(1).cumsum()])
        points = points[np.unique(np.searchsorted(along, np.linspace(0, along[-1], most)).clip(0, len(points) - 1))]
    return [(round(float(x), 5), round(float(y), 5)) for x, y in points]


def _of_class(scores: np.ndarray, truth: np.ndarray, said: np.ndarray, *, most: int) -> dict[str, Any]:
    return {
        "n": int(truth.sum()),
        "of": len(truth),
        "roc": {**_area("auc", scores, truth), "points": thinned(roc(scores, truth), most)},
        "precision_recall": {
            **_area("average-precision", scores, truth),
            "points": thinned(precision_recall(scores, truth), most),
        },
        "decides": {
            "found": _share(int((said & truth).sum()), int(truth.sum())),
            "called_wrongly": _share(int((said & ~truth).sum()), int((~truth).sum())),
            "precision": _share(int((said & truth).sum()), int(said.sum())),
        },
    }


def _area(name: str, scores: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    metric = made_metric(name)
    rows = metric.rows(torch.from_numpy(scores.astype(np.float64)), torch.from_numpy(truth.astype(np.int64)))
    found = estimate(metric, rows)
    return {"value": found.value, "low": found.low, "high": found.high}


def _share(k: int, n: int) -> dict[str, float] | None:
    """The share k of n with its interval; None where there is nothing to take a share of."""
    if not n:
        return None
    low, high = clopper_pearson(k, n)
    return {"value": k / n, "low": low, "high": high}


def _counts(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(t,) positives at or above each distinct score, falling, and all examples at or above it."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)  # equal scores stand together
    return truth[order].cumsum()[last].astype(np.float64), (last + 1).astype(np.float64)


def _from_none(shares: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], shares])
