"""Reliability: whether a model is right as often as it is sure, in bins, and the mean gap between both (calibration error).

Reference: Naeini et al. 2015, AAAI; Bröcker & Smith 2007, doi:10.1175/WAF993.1 (what chance alone shows).

Letters: n examples, C classes.
"""

from typing import Any

import numpy as np
import torch

from thalweg.evaluation.clopper_pearson import clopper_pearson
from thalweg.evaluation.one_metric import estimate
from thalweg.tasks._task import made_metric

BINS = 10
DRAWS = 200
"""Draws of what a model would show that is right exactly as often as it says."""
MOST_DRAWN = 4_000_000
"""Truths drawn in all, at most."""


def reliability(probabilities: np.ndarray, true: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Predicted against observed share, of the rarer of two classes, else of being right; and the calibration error.

    Args:
        probabilities: (n, C).
        true: (n,) codes.
    """
    error = calibration_error(probabilities, true)
    if len(names) == 2:
        rarer = rarest(true, 2)
        return {"class": names[rarer], "bins": binned(probabilities[:, rarer], true == rarer), "error": error}
    return {"class": None, "bins": binned(probabilities.max(1), probabilities.argmax(1) == true), "error": error}


def rarest(true: np.ndarray, classes: int) -> int:
    """The class with the fewest examples; of equal ones the last."""
    counts = np.bincount(true, minlength=classes)
    return classes - 1 - int(counts[::-1].argmin())


def binned(sure: np.ndarray, right: np.ndarray, *, bins: int = BINS) -> list[dict[str, Any]]:
    """Bins of equal width that hold examples: mean of what was said, share of what came, its interval, and how many."""
    place = np.minimum((sure * bins).astype(int), bins - 1)
    found = []
    for one in range(bins):
        inside = place == one
        n, k = int(inside.sum()), int(right[inside].sum())
        if n:
            low, high = clopper_pearson(k, n)
            found.append({"predicted": float(sure[inside].mean()), "observed": k / n, "low": low, "high": high, "n": n})
    return found


def calibration_error(probabilities: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """The gap between confidence and being right, the mean over bins of equal mass, with its interval and what chance shows.

    Returns:
        `value`, `low`, `high`, and `chance`: the value below which 95 of 100 models lie that are right exactly as often as
        they say, on as many examples.
    """
    metric = made_metric("calibration-error")
    rows = metric.rows(torch.from_numpy(probabilities.astype(np.float64)), torch.from_numpy(true.astype(np.int64)))
    found, bins = estimate(metric, rows), metric.settings.bins
    high = None if found.high is None else min(found.high, 1.0)
    return {"value": found.value, "low": found.low, "high": high, "chance": _by_chance(rows[:, 0].numpy(), bins)}


def _by_chance(confidence: np.ndarray, bins: int) -> float:
    n = len(confidence)
    rising = np.sort(confidence)
    starts = np.unique((n * np.arange(bins)) // bins)
    generator = np.random.default_rng(0)  # the same chance for the same confidences
    gaps = [
        np.abs(np.add.reduceat(rising - (generator.random(n) < rising), starts)).sum() / n
        for _ in range(max(20, min(DRAWS, MOST_DRAWN // n)))
    ]
    return float(np.quantile(gaps, 0.95))
