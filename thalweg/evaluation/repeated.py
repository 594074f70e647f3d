"""What holds for a way of training rather than for one model: over seeds, and over folds of small data.

Reference: Graybill & Wang 1980, doi:10.1080/01621459.1980.10477563 (seeds); Nadeau & Bengio 2003, doi:10.1023/A:1024068626366.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.evaluation.clopper_pearson import ALPHA, Ends, student
from thalweg.evaluation.leaving_out import form
from thalweg.evaluation.one_metric import possible
from thalweg.evaluation.verdict import Verdict
from thalweg.metrics._metric import Metric

FOLDS = 5
SHARES = ("proportion", "f1", "classes", "counts", "precision", "ranking")
"""Forms of interval of metrics that are never below 0."""


def over_seeds(differences: Sequence[float], error: float, *, units: int, alpha: float = ALPHA) -> Ends:
    """The interval of net − opponent for new seeds and new examples.

    Args:
        differences: net − opponent of each seed, both trained anew; at least three.
        error: standard error over units, of their moves averaged over seeds.
    """
    found = np.asarray(differences)
    seeds = len(found)
    variance = student(seeds - 1, alpha=alpha) ** 2 * float(found.var(ddof=1)) / seeds
    half = math.sqrt(variance + (student(units - 1, alpha=alpha) * error) ** 2)
    return float(found.mean()) - half, float(found.mean()) + half


def over_folds(differences: Sequence[float], *, alpha: float = ALPHA) -> Ends:
    """The interval of net − opponent from repeated five-fold cross-validation, in which training parts overlap."""
    found = np.asarray(differences)
    spread = math.sqrt((1 / len(found) + 1 / (FOLDS - 1)) * float(found.var(ddof=1)))
    half = student(FOLDS - 1, alpha=alpha) * spread
    return float(found.mean()) - half, float(found.mean()) + half


def mean_figure(metric: Metric[Any], mean: float, ends: Ends) -> dict[str, Any]:
    """A metric's mean over repeats and its interval, without what is not possible, as JSON values."""
    low, high = possible(metric, mean, ends)
    low = max(low, 0.0) if form(metric) in SHARES else low
    name = metric.declaration.name  # type: ignore[attr-defined]
    return {"name": name, "value": mean, "low": low, "high": high}


def said_of_method(found: Verdict, over: str, claim: str) -> dict[str, Any]:
    """A verdict as JSON values, its sentence saying over what it is the mean, and for what it speaks.

    Args:
        over: `over 5 seeds`.
    """
    word, colon, rest = found.sentence.partition(": ")
    return found.as_json() | {"sentence": f"{word}{colon}{over}, {rest} {claim}"}
