"""How well one column alone predicts the target, on rows that were not counted."""

from typing import NamedTuple

import numpy as np

from thalweg.checks.scores import explained, folds, mean_area
from thalweg.checks.seen import Seen

BINS, CATEGORIES, FOLDS = 32, 256, 3
SMOOTHING = 1.0


class Score(NamedTuple):
    """Out-of-fold accuracy and area under the curve of a column for classes; both the explained variance for numbers."""

    accuracy: float
    area: float


def binned(one: Seen, rows: np.ndarray) -> np.ndarray:
    """(n,) int64: a row's cell: one of the commonest categories, or of the quantiles of a varied number; 0 for gaps."""
    if one.numeric and one.distinct > BINS:
        return quantiles(one.numbers[rows])
    order = np.argsort(-one.counts, kind="stable")
    rank = np.full(one.distinct + 1, CATEGORIES + 1)
    rank[order[:CATEGORIES]] = np.arange(1, min(CATEGORIES, len(order)) + 1)
    rank[-1] = 0
    return rank[one.codes[rows]]


def quantiles(numbers: np.ndarray) -> np.ndarray:
    """(n,) int64: the place of each number among the quantiles of all, from 1; 0 for gaps."""
    there = np.isfinite(numbers)
    edges = np.unique(np.quantile(numbers[there], np.linspace(0, 1, BINS + 1)[1:-1])) if there.any() else np.zeros(0)
    return np.where(there, np.searchsorted(edges, numbers, side="right") + 1, 0)


def score_of_classes(cells: np.ndarray, codes: np.ndarray) -> Score:
    """How well cells (n,) tell classes (n,)."""
    probabilities = class_shares(cells, codes)
    return Score(float((probabilities.argmax(axis=1) == codes).mean()), mean_area(probabilities, codes))


def class_shares(cells: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(n, K) the share of each class in a row's cell, counted on the other folds and drawn to the whole's shares."""
    classes, width = int(codes.max()) + 1, int(cells.max()) + 1
    fold = folds(len(cells), FOLDS)
    counts = np.zeros((FOLDS, width, classes))
    np.add.at(counts, (fold, cells, codes), 1.0)
    others = (counts.sum(axis=0, keepdims=True) - counts)[fold, cells]
    prior = np.bincount(codes, minlength=classes) / len(codes)
    return (others + SMOOTHING * prior) / (others.sum(axis=1, keepdims=True) + SMOOTHING)


def score_of_amounts(cells: np.ndarray, truth: np.ndarray) -> Score:
    """How much of the variance of numbers (n,) cells (n,) explain."""
    fold, width = folds(len(cells), FOLDS), int(cells.max()) + 1
    counts, sums = np.zeros((FOLDS, width)), np.zeros((FOLDS, width))
    np.add.at(counts, (fold, cells), 1.0)
    np.add.at(sums, (fold, cells), truth)
    others = (counts.sum(axis=0, keepdims=True) - counts)[fold, cells]
    total = (sums.sum(axis=0, keepdims=True) - sums)[fold, cells]
    share = explained((total + SMOOTHING * truth.mean()) / (others + SMOOTHING), truth)
    return Score(share, share)
