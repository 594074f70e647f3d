"""Quick models that judge rows which they have not seen: two unlike ones for each sort of input."""

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.checks.scores import folds

AXES, FOLDS = 100, 5


def probabilities(judge: str, table: Any, codes: np.ndarray) -> np.ndarray:
    """(n, K) what a model says of each row, trained on the other folds; each class has the same share in all folds."""
    fold, classes = _even_folds(codes), int(codes.max()) + 1
    found = np.zeros((len(codes), classes))
    for number in range(FOLDS):
        own, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        model = JUDGES[judge]()
        model.fit(table[rest], codes[rest])
        found[np.ix_(own, model.classes_)] = model.predict_proba(table[own])
    return found


def _even_folds(codes: np.ndarray) -> np.ndarray:
    fold = np.zeros(len(codes), dtype=np.int64)
    for one in np.unique(codes):
        rows = np.flatnonzero(codes == one)
        fold[rows] = (folds(len(rows), len(rows)) + int(one)) % FOLDS
    return fold


def _boosting() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, early_stopping=False, random_state=0)


def _extra_trees() -> Any:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    trees = ExtraTreesClassifier(200, min_samples_leaf=2, random_state=0, n_jobs=1)
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), trees)


def _logistic(strength: float = 4.0) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=100)


def _complement_naive_bayes() -> Any:
    from sklearn.naive_bayes import ComplementNB

    return ComplementNB(alpha=0.3)


def _on_axes(judge: Any) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    return make_pipeline(_Shortened(PCA), judge)


class _Shortened:
    """Principal axes, a hundred of them or as many as there are."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make

    def fit(self, table: np.ndarray, codes: Any = None) -> "_Shortened":
        self.axes = self.make(min(AXES, *table.shape), svd_solver="randomized", random_state=0).fit(table)
        return self

    def transform(self, table: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.axes.transform(table)
        return found

    def fit_transform(self, table: np.ndarray, codes: Any = None) -> np.ndarray:
        return self.fit(table).transform(table)


def _logistic_of_axes() -> Any:
    return _on_axes(_logistic(0.1))


def _neighbours() -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return _on_axes(KNeighborsClassifier(10))


JUDGES: dict[str, Callable[[], Any]] = {
    "boosting": _boosting,
    "extra-trees": _extra_trees,
    "logistic": _logistic,
    "complement-naive-bayes": _complement_naive_bayes,
    "logistic-of-axes": _logistic_of_axes,
    "neighbours": _neighbours,
}
"""What the clues of a kind name as the models that suit them."""
