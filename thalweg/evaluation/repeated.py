"""What holds for a way of training rather than for one model: over seeds, and over folds of small data.

Reference: Graybill & Wang 1980, doi:10.1080/01621459.1980.10477563 (seeds); Nadeau & Bengio 2003, doi:10.1023/A:1024068626366.
"""

import math
from collections.abc import Sequence

import numpy as np

from thalweg.evaluation.clopper_pearson import ALPHA, Ends, student

FOLDS = 5


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
