"""Random forests: the mean of many trees."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from thalweg.models.classical._evaluator import classes_of
from thalweg.models.classical._trees import LEAF, Trees, joined


@dataclass(frozen=True)
class Forest(Trees):
    """Leaves hold shares of classes (l, k), or values."""

    @classmethod
    def of(cls, estimator: Any) -> Self:
        return cls(classes_of(estimator), **joined([_arrays(one.tree_) for one in estimator.estimators_]))

    def predict(self, rows: Any) -> np.ndarray:
        said = self.summed(np.asarray(rows, dtype=np.float32)) / len(self.roots)
        return said[:, 0] if said.shape[1] == 1 else said

    def predict_proba(self, rows: Any) -> np.ndarray:
        return self.summed(np.asarray(rows, dtype=np.float32)) / len(self.roots)


def _arrays(tree: Any) -> dict[str, np.ndarray]:  # noqa: ANN401
    """The fields of one tree of scikit-learn.

    Rows are float32 there, so the largest float32 that is not above a threshold parts them as the threshold does.
    """
    leaf = tree.children_left < 0
    with np.errstate(over="ignore"):
        near = tree.threshold.astype(np.float32)
    below = np.where(near > tree.threshold, np.nextafter(near, np.float32(-np.inf)), near)
    values = tree.value[leaf]  # (l, outputs, k)
    values = values[:, 0] if values.shape[2] > 1 or values.shape[1] == 1 else values[:, :, 0]
    return {
        "columns": np.where(leaf, LEAF, tree.feature).astype(np.int32),
        "thresholds": np.where(leaf, np.float32(0), below),
        "left": np.where(leaf, np.cumsum(leaf) - 1, tree.children_left),
        "right": tree.children_right,
        "missing_left": np.asarray(tree.missing_go_to_left, dtype=np.uint8),
        "values": values.astype(np.float32),
    }
