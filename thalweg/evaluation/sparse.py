"""Rows that are mostly zeros (words of texts): put together, weighed by how rare each column is, or condensed to a few columns.

Columns made densely stand first, sparse ones after them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

LENGTH = 2.0
"""Of the sparse columns of a row together; the costs that linear models try are meant for standardised numbers."""
CONDENSED = 100
"""Columns that sparse ones are condensed to, for models that read dense rows."""


@dataclass
class Weighed:
    """Sparse columns times ln((1 + n) / (1 + rows that have them)) + 1, then those of each row made `LENGTH` long together.

    Reference: Spärck Jones 1972, doi:10.1108/eb026526, smoothed.

    Attributes:
        dense: columns at the front that stay as they are.
    """

    dense: int
    weights: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def fit(self, rows: Any) -> Self:  # noqa: ANN401 - a sparse array of scipy
        """Count in how many rows (n, d) each column is not zero."""
        found = np.bincount(rows.indices, minlength=rows.shape[1])
        self.weights = np.log((1 + rows.shape[0]) / (1 + found)) + 1
        self.weights[: self.dense] = 1.0
        return self

    def transform(self, rows: Any) -> Any:  # noqa: ANN401
        """(n, d) sparse."""
        weighed = rows.copy()
        sparse = weighed.indices >= self.dense
        data = weighed.data * self.weights[weighed.indices]
        row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        lengths = np.sqrt(np.bincount(row, np.where(sparse, data**2, 0.0), minlength=rows.shape[0]))
        weighed.data = np.where(sparse, data * LENGTH / np.maximum(lengths, 1e-6)[row], data).astype(np.float32)
        return weighed


@dataclass
class Condensed:
    """The dense columns, and the sparse ones, weighed, along their `CONDENSED` strongest directions: (n, few) dense.

    Sparse columns that a single training row has are left out.

    Reference: Deerwester et al. 1990, Journal of the American Society for Information Science 41(6):391-407.
    """

    dense: int
    seed: int
    weighed: Weighed | None = None
    kept: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    directions: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def fit(self, rows: Any) -> Self:  # noqa: ANN401
        """Find the directions of rows (n, d)."""
        from sklearn.utils.extmath import randomized_svd

        self.weighed = Weighed(self.dense).fit(rows)
        found = np.bincount(rows.indices, minlength=rows.shape[1])
        found[: self.dense] = 0
        self.kept = np.flatnonzero(found > 1)
        sparse = self.weighed.transform(rows)[:, self.kept]
        count = min(CONDENSED, rows.shape[0] - 1, len(self.kept) - 1)
        if count > 0:
            _, _, directions = randomized_svd(sparse, count, n_iter=2, random_state=self.seed % 2**32)
            self.directions = directions.T.astype(np.float32)
        else:
            self.directions = np.zeros((len(self.kept), 0), dtype=np.float32)
        return self

    def transform(self, rows: Any) -> np.ndarray:  # noqa: ANN401
        """(n, dense + few) float32."""
        assert self.weighed is not None
        few = self.weighed.transform(rows)[:, self.kept] @ self.directions
        return np.concatenate([rows[:, : self.dense].toarray(), few], axis=1).astype(np.float32)


@dataclass
class Chained:
    """An estimator that reads sparse rows through a step that is fitted with it; in scikit-learn's own words."""

    step: Weighed | Condensed
    estimator: Any

    def fit(self, rows: Any, target: np.ndarray) -> Self:  # noqa: ANN401
        """Fit the step, then the estimator."""
        self.estimator.fit(self.step.fit(rows).transform(rows), target)
        return self

    @property
    def classes_(self) -> np.ndarray:
        """The classes that were seen."""
        found: np.ndarray = self.estimator.classes_
        return found

    def predict(self, rows: Any) -> np.ndarray:  # noqa: ANN401
        """Classes or values (n, ...)."""
        return np.asarray(self.estimator.predict(self.step.transform(rows)))

    def predict_proba(self, rows: Any) -> np.ndarray:  # noqa: ANN401
        """Probabilities (n, C)."""
        return np.asarray(self.estimator.predict_proba(self.step.transform(rows)))

    def decision_function(self, rows: Any) -> np.ndarray:  # noqa: ANN401
        """Decisions (n,) or (n, C)."""
        return np.asarray(self.estimator.decision_function(self.step.transform(rows)))


def is_sparse(rows: Any) -> bool:  # noqa: ANN401
    """The rows are a sparse array of scipy."""
    return not isinstance(rows, np.ndarray)


def side_by_side(pieces: Sequence[Any]) -> Any:  # noqa: ANN401
    """Columns of the same rows, float32; sparse where one of them is, the dense ones first."""
    dense = [one for one in pieces if isinstance(one, np.ndarray)]
    sparse = [one for one in pieces if is_sparse(one)]
    if not sparse:
        return np.concatenate(dense, axis=1).astype(np.float32)
    from scipy.sparse import csr_array, hstack

    return _narrow(hstack([*map(csr_array, dense), *sparse], format="csr", dtype=np.float32))


def one_after_another(parts: Sequence[Any], order: np.ndarray) -> Any:  # noqa: ANN401
    """Rows of the same columns, in an order (n,); dense ones are held twice at most."""
    if is_sparse(parts[0]):
        from scipy.sparse import vstack

        return _narrow(vstack(parts, format="csr"))[order]
    whole = np.empty((len(order), *parts[0].shape[1:]), np.result_type(*parts))
    places, first = np.argsort(order), 0
    for part in parts:
        whole[places[first : first + len(part)]] = part
        first += len(part)
    return whole


def _narrow(rows: Any) -> Any:  # noqa: ANN401
    """The same with indices of 32 bits, which is what estimators read."""
    rows.indices, rows.indptr = rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
    return rows
