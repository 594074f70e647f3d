"""Linear scores: logistic and ridge regression, and the linear support vector machine."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from thalweg.models.classical._evaluator import Evaluator, classes_of, require, softmax


@dataclass(frozen=True)
class Linear(Evaluator):
    """One score for each class, or one for the second of two, or one for each value.

    Attributes:
        weights: (k, d).
        shifts: (k,).
    """

    weights: np.ndarray
    shifts: np.ndarray

    @classmethod
    def of(cls, estimator: Any) -> Self:
        weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
        shifts = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), len(weights))
        return cls(classes_of(estimator), weights, shifts)

    def check(self) -> None:
        require(self.weights.ndim == 2 and self.shifts.shape == (len(self.weights),), "weights and shifts do not fit together")
        classes = len(self.classes_)
        require(classes in (0, len(self.weights)) or (classes, len(self.weights)) == (2, 1), "as many scores as classes")

    def decision_function(self, rows: Any) -> np.ndarray:
        scores = np.asarray(rows @ self.weights.T) + self.shifts
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_proba(self, rows: Any) -> np.ndarray:
        return softmax(self.decision_function(rows))

    def predict(self, rows: Any) -> np.ndarray:
        return self.decision_function(rows)

    def used_columns(self) -> np.ndarray:
        return np.asarray(self.weights.any(axis=0))

    def with_columns(self, used: np.ndarray) -> Self:
        return type(self)(self.classes_, self.weights[:, used], self.shifts)
