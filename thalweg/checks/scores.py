"""How well one thing tells another: area under the curve, share of variance, agreement of ranks."""

import numpy as np
import scipy  # which imports its parts when they are named: statistics take a second


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive row has a higher score than another; 0.5 where there are none of either.

    Reference: Mann & Whitney 1947, doi:10.1214/aoms/1177730491.
    """
    count, rest = int(positive.sum()), int((~positive).sum())
    if not count or not rest:
        return 0.5
    return float((scipy.stats.rankdata(scores)[positive].sum() - count * (count + 1) / 2) / (count * rest))


def mean_area(probabilities: np.ndarray, codes: np.ndarray) -> float:
    """The mean over classes of how well a class's probability (N, K) tells its rows (N,) from the others'."""
    classes = np.unique(codes)
    chosen = classes[-1:] if len(classes) == 2 else classes
    return float(np.mean([area_under_curve(probabilities[:, one], codes == one) for one in chosen]))


def explained(predicted: np.ndarray, truth: np.ndarray) -> float:
    """The share of the truth's variance that a prediction explains; at most 1."""
    return 1.0 - float(((truth - predicted) ** 2).mean()) / max(float(truth.var()), 1e-300)


def rank_agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of two columns without gaps."""
    ranks = np.stack([scipy.stats.rankdata(one), scipy.stats.rankdata(other)])
    if ranks.std(axis=1).min() == 0:
        return 0.0
    return float(np.corrcoef(ranks)[0, 1])


def folds(count: int, number: int, *, seed: int = 0) -> np.ndarray:
    """(count,) the fold of each row, as even as may be, drawn from a seed."""
    return np.random.default_rng(seed).permutation(count) % number
