"""What evaluates a fitted classical model: arrays, and scikit-learn's own words for asking them.

It answers as the estimator that the arrays were taken from does, to 1e-6.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

BLOCK = 1 << 22
"""Numbers that are held at once while many rows are answered."""


@dataclass(frozen=True)
class Evaluator(ABC):
    """The base of every evaluator; all its fields are arrays.

    Attributes:
        classes_: (k,) codes of the classes that were seen; empty where values are predicted.
    """

    classes_: np.ndarray

    @classmethod
    @abstractmethod
    def of(cls, estimator: Any) -> Self:  # noqa: ANN401 - an estimator of scikit-learn
        """The arrays of a fitted estimator."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """The evaluator of these arrays.

        Raises:
            ValueError: names or shapes are not those of this evaluator, or an index leads nowhere.
        """
        names = {one.name for one in fields(cls)}
        if names != set(arrays):
            raise ValueError(f"the arrays are {', '.join(sorted(arrays))[:200]}; {', '.join(sorted(names))} are needed")
        found = cls(**arrays)
        require(found.classes_.ndim == 1, "the classes are one row of codes")
        found.check()
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by name."""
        return {one.name: np.ascontiguousarray(getattr(self, one.name)) for one in fields(self)}

    @abstractmethod
    def check(self) -> None:
        """Raise a ValueError where the arrays do not fit together."""

    def predict(self, rows: Any) -> np.ndarray:  # noqa: ANN401 - an array (n, d), or a sparse one of scipy
        """Values (n,) or (n, k)."""
        raise NotImplementedError(f"{type(self).__name__} predicts no values")

    def predict_proba(self, rows: Any) -> np.ndarray:  # noqa: ANN401
        """Probabilities (n, k) of the classes seen."""
        raise NotImplementedError(f"{type(self).__name__} has no probabilities")

    def decision_function(self, rows: Any) -> np.ndarray:  # noqa: ANN401
        """Decisions (n, k), or (n,) for the second of two classes."""
        raise NotImplementedError(f"{type(self).__name__} has no decisions")

    def used_columns(self) -> np.ndarray:
        """(d,) bool: which columns of the rows change any answer."""
        raise NotImplementedError(f"{type(self).__name__} does not weigh columns one by one")

    def with_columns(self, used: np.ndarray) -> Self:
        """The same for rows that have those columns only."""
        raise NotImplementedError(f"{type(self).__name__} does not weigh columns one by one")


def classes_of(estimator: Any) -> np.ndarray:  # noqa: ANN401
    """The codes of the classes that an estimator saw; empty where it predicts values."""
    return np.asarray(getattr(estimator, "classes_", ()), dtype=np.int64)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Scores (n, k) as probabilities; scores (n,) as those of the second of two classes."""
    if scores.ndim == 1:
        return softmax(np.stack([np.zeros_like(scores), scores], axis=1))
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return found


def require(fits: bool, what: str) -> None:
    """Raise a ValueError that says what does not fit."""
    if not fits:
        raise ValueError(what)


def blocks(count: int, width: int) -> list[slice]:
    """Slices of `count` rows such that each, times `width`, is no more than is held at once."""
    size = max(1, BLOCK // max(1, width))
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]
