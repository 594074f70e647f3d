"""Sparse rows made ready for a classical model: weighed, all made as long, and condensed where the model wants few columns."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from thalweg.models.classical._evaluator import Evaluator, require

LEAST = 1e-6
"""The least length of a row."""


@dataclass(frozen=True)
class SparseColumns(Evaluator):
    """What stands between sparse rows and an evaluator. It predicts nothing, and knows no classes.

    Attributes:
        dense: (1,) columns at the front that stay as they are.
        length: (1,) of the sparse columns of a row together.
        weights: (d,) of each column.
        kept: (m,) the columns that are passed on, in order.
        directions: (m, few) along which they are condensed, behind the dense ones; (m, 0) where they are not.
    """

    dense: np.ndarray
    length: np.ndarray
    weights: np.ndarray
    kept: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Not of an estimator but of a step before one; see `evaluation/packaged.py`."""
        raise NotImplementedError("a step is no estimator")

    def check(self) -> None:
        require(self.dense.shape == self.length.shape == (1,), "one number of dense columns, one length")
        require(self.directions.shape[:1] == self.kept.shape, "directions are over the columns that are passed on")
        inside = bool(((self.kept >= 0) & (self.kept < len(self.weights))).all())
        require(self.kept.ndim == self.weights.ndim == 1 and inside, "columns that are passed on have a weight")

    def only(self, used: np.ndarray) -> Self:
        """The same, passing on those columns (m,) bool that are used."""
        kept, directions = self.kept[used], self.directions[used]
        return type(self)(self.classes_, self.dense, self.length, self.weights, kept, directions)

    def transform(self, rows: Any) -> Any:  # noqa: ANN401 - a sparse array of scipy (n, d)
        """(n, m) sparse, or (n, dense + few) where they are condensed."""
        passed = self._weighed(rows)[:, self.kept]
        if not self.directions.shape[1]:
            return passed
        front = rows[:, : int(self.dense[0])].toarray()
        return np.concatenate([front, passed @ self.directions], axis=1).astype(np.float32)

    def _weighed(self, rows: Any) -> Any:  # noqa: ANN401
        weighed = rows.copy()
        sparse = weighed.indices >= self.dense[0]
        data = weighed.data * self.weights[weighed.indices]
        row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        lengths = np.sqrt(np.bincount(row, np.where(sparse, data**2, 0.0), minlength=rows.shape[0]))
        weighed.data = np.where(sparse, data * self.length[0] / np.maximum(lengths, LEAST)[row], data).astype(np.float32)
        return weighed
