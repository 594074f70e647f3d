"""Quick models that judge rows which they have not seen: two unlike ones for each sort of input."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.checks.scores import folds

FOLDS = 5
SMALL = 1_000_000
"""Numbers in a table up to which one thread judges it: more of them wait for each other longer than they work."""


def probabilities(judge: str, table: Any, codes: np.ndarray) -> np.ndarray:
    """(n, K) what a model says of each row, trained on the other folds; each class has the same share in all folds."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    fold, classes = _even_folds(codes), int(codes.max()) + 1
    found = np.zeros((len(codes), classes))
    threads = 1 if int(np.prod(table.shape)) <= SMALL else None
    for number in range(FOLDS):
        own, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        model = JUDGES[judge]()
        with threadpool_limits(threads), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # what has not settled yet is good enough to judge labels by
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


def _logistic_of_axes() -> Any:
    return _logistic(0.1)


def _neighbours() -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(10)


JUDGES: dict[str, Callable[[], Any]] = {
    "boosting": _boosting,
    "extra-trees": _extra_trees,
    "logistic": _logistic,
    "complement-naive-bayes": _complement_naive_bayes,
    "logistic-of-axes": _logistic_of_axes,
    "neighbours": _neighbours,
}
"""What the clues of a kind name as the models that suit them."""
