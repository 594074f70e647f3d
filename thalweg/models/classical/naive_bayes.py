"""Gaussian naive Bayes, in double precision: sums over many columns show the difference."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from thalweg.models.classical._evaluator import Evaluator, classes_of, require, softmax


@dataclass(frozen=True)
class NaiveBayes(Evaluator):
    """Every column normal in every class.

    Attributes:
        means: (k, d).
        variances: (k, d), above 0.
        shares: (k,) of the classes.
    """

    means: np.ndarray
    variances: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, estimator: Any) -> Self:
        estimator = estimator[-1]  # behind the step that makes rows double
        found = (estimator.theta_, estimator.var_, estimator.class_prior_)
        return cls(classes_of(estimator), *(np.asarray(one, dtype=np.float64) for one in found))

    def check(self) -> None:
        require(self.means.ndim == 2 and self.means.shape == self.variances.shape, "a mean and a variance for each column")
        require(self.shares.shape == self.classes_.shape == self.means.shape[:1], "a share for each class")
        require(bool((self.variances > 0).all()), "variances are above 0")

    def predict_proba(self, rows: Any) -> np.ndarray:
        return softmax(np.stack([self._joint(rows, place) for place in range(len(self.classes_))], axis=1))

    def _joint(self, rows: np.ndarray, place: int) -> np.ndarray:
        """(n,) log density of rows (n, d) and a class together."""
        variances = self.variances[place]
        with np.errstate(divide="ignore"):
            known = np.log(self.shares[place]) - 0.5 * np.log(2 * np.pi * variances).sum()
        found: np.ndarray = known - 0.5 * ((rows - self.means[place]) ** 2 / variances).sum(axis=1)
        return found
