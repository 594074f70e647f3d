"""k nearest neighbours."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from thalweg.models.classical._evaluator import Evaluator, blocks, classes_of, require

SPARE = 8
"""Neighbours looked at beyond k: which are nearest is settled by exact distances."""


@dataclass(frozen=True)
class Neighbours(Evaluator):
    """The vote or the mean of the nearest training rows; of rows equally far the earlier ones.

    Attributes:
        rows: (n, d) training rows, float32.
        target: (n,) places among the classes, or values (n,) or (n, k).
        count: (1,) k.
        by_distance: (1,) 1 where a neighbour counts by one over its distance.
    """

    rows: np.ndarray
    target: np.ndarray
    count: np.ndarray
    by_distance: np.ndarray

    @classmethod
    def of(cls, estimator: Any) -> Self:
        classes = classes_of(estimator)
        target = np.asarray(estimator._y, dtype=np.int32 if len(classes) else np.float64)
        count, weighed = np.asarray([estimator.n_neighbors]), np.asarray([estimator.weights == "distance"])
        rows = np.asarray(estimator._fit_X, dtype=np.float32)
        return cls(classes, rows, target, count.astype(np.int32), weighed.astype(np.uint8))

    def check(self) -> None:
        require(self.rows.ndim == 2 and len(self.rows) == len(self.target), "a target for each row")
        require(self.count.shape == self.by_distance.shape == (1,), "one number of neighbours")
        require(1 <= int(self.count[0]) <= len(self.rows), "as many neighbours as there are rows, at most")
        known = not len(self.classes_) or (self.target.min() >= 0 and self.target.max() < len(self.classes_))
        require(bool(known), "each target is a class")

    def predict(self, rows: Any) -> np.ndarray:
        nearest, weights = self._nearest(rows)
        values = self.target[nearest]  # (n, k) or (n, k, outputs)
        shares = weights / weights.sum(axis=1, keepdims=True)
        return np.einsum("nk,nk...->n...", shares, values)

    def predict_proba(self, rows: Any) -> np.ndarray:
        nearest, weights = self._nearest(rows)
        votes = np.zeros((len(nearest), len(self.classes_)))
        for place in range(nearest.shape[1]):
            votes[np.arange(len(nearest)), self.target[nearest[:, place]]] += weights[:, place]
        found: np.ndarray = votes / votes.sum(axis=1, keepdims=True)
        return found

    def _nearest(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places of the k nearest rows (n, k), and how each counts."""
        stored = self.rows.astype(np.float64)
        squared = (stored**2).sum(axis=1)
        found = [
            self._of_block(np.asarray(rows[block], np.float64), stored, squared) for block in blocks(len(rows), len(stored))
        ]
        nearest, far = (np.concatenate(one) for one in zip(*found, strict=True))
        return nearest, self._weights(far)

    def _of_block(self, rows: np.ndarray, stored: np.ndarray, squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count = int(self.count[0])
        near = (rows**2).sum(axis=1)[:, None] + squared - 2 * rows @ stored.T
        kept = min(count + SPARE, len(stored))
        some = (
            np.argpartition(near, kept - 1, axis=1)[:, :kept]
            if kept < len(stored)
            else np.broadcast_to(np.arange(kept), (len(rows), kept))
        )
        some = np.sort(some, axis=1)
        exact = np.stack([((row - stored[places]) ** 2).sum(axis=1) for row, places in zip(rows, some, strict=True)])
        order = np.argsort(exact, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(some, order, axis=1), np.sqrt(np.take_along_axis(exact, order, axis=1))

    def _weights(self, far: np.ndarray) -> np.ndarray:
        """(n, k): all the same, or one over the distance; a row that is met exactly decides alone."""
        if not self.by_distance[0]:
            return np.ones_like(far)
        with np.errstate(divide="ignore"):
            weights = 1 / far
        met = np.isinf(weights)
        return np.where(met.any(axis=1, keepdims=True), met.astype(np.float64), weights)
