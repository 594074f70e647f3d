"""The support vector machine with a Gaussian kernel, for classes and for values.

Reference: Chang & Lin 2011, doi:10.1145/1961189.1961199, section 4 (a decision for each pair of classes).
"""

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Self

import numpy as np

from thalweg.models.classical._evaluator import Evaluator, blocks, classes_of, require


@dataclass(frozen=True)
class GaussianKernel(Evaluator):
    """Weighted likeness to the support vectors.

    Letters: s support vectors, those of a class together, the classes in order; k classes.

    Attributes:
        vectors: (s, d) support vectors.
        weights: (k - 1, s), for values (1, s): how each vector counts against each other class.
        shifts: (k(k - 1)/2,) of each pair of classes, for values (1,).
        counts: (k,) support vectors of each class; empty for values.
        gamma: (1,) one over the squared width of the kernel.
    """

    vectors: np.ndarray
    weights: np.ndarray
    shifts: np.ndarray
    counts: np.ndarray
    gamma: np.ndarray

    @classmethod
    def of(cls, estimator: Any) -> Self:
        classes = classes_of(estimator)
        counts = np.asarray(estimator.n_support_ if len(classes) else (), dtype=np.int64)
        found = (estimator.support_vectors_, estimator.dual_coef_, estimator.intercept_)
        vectors, weights, shifts = (np.asarray(one, dtype=np.float64) for one in found)
        return cls(classes, vectors, weights, shifts, counts, np.asarray([estimator._gamma], dtype=np.float64))

    def check(self) -> None:
        classes = len(self.classes_)
        require(self.vectors.ndim == 2 and self.gamma.shape == (1,), "support vectors and one width are needed")
        require(self.weights.shape == (max(1, classes - 1), len(self.vectors)), "a weight for each support vector")
        require(self.shifts.shape == (max(1, classes * (classes - 1) // 2),), "a shift for each pair of classes")
        require(self.counts.shape == self.classes_.shape, "each class has a number of support vectors")
        require(not classes or int(self.counts.sum()) == len(self.vectors), "each support vector is of one class")

    def predict(self, rows: Any) -> np.ndarray:
        return self._by_blocks(rows, lambda alike: alike @ self.weights[0] + self.shifts[0])

    def decision_function(self, rows: Any) -> np.ndarray:
        if len(self.classes_) == 2:
            return self.predict(rows)
        return self._by_blocks(rows, self._of_each_class)

    def _by_blocks(self, rows: np.ndarray, answer: Any) -> np.ndarray:  # noqa: ANN401
        squared = (self.vectors**2).sum(axis=1)
        found = []
        for block in blocks(len(rows), len(self.vectors)):
            own = np.asarray(rows[block], dtype=np.float64)
            away = (own**2).sum(axis=1)[:, None] + squared - 2 * own @ self.vectors.T
            found.append(answer(np.exp(-self.gamma[0] * np.maximum(away, 0.0))))
        return np.concatenate(found)

    def _of_each_class(self, alike: np.ndarray) -> np.ndarray:
        """(n, k): pairs won, and, less than one pair's worth, how clearly."""
        ends = np.concatenate([[0], np.cumsum(self.counts)])
        own = [alike[:, a:b] @ self.weights[:, a:b].T for a, b in pairwise(ends)]  # each (n, k - 1)
        votes, sure = (np.zeros((len(alike), len(own))) for _ in range(2))
        for shift, (i, j) in zip(self.shifts, combinations(range(len(own)), 2), strict=True):
            decided = own[i][:, j - 1] + own[j][:, i] + shift  # above 0: class i
            sure[:, i] += decided
            sure[:, j] -= decided
            votes[:, i] += decided >= 0
            votes[:, j] += decided < 0
        return votes + sure / (3 * (np.abs(sure) + 1))
