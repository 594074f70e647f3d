"""Classical models as arrays answer as scikit-learn's estimators do, on rows of every sort."""

import numpy as np
import pytest
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC, SVR, LinearSVC

from thalweg.models.classical.boosting import Boosting
from thalweg.models.classical.forest import Forest
from thalweg.models.classical.gaussian_kernel import GaussianKernel
from thalweg.models.classical.linear import Linear
from thalweg.models.classical.naive_bayes import NaiveBayes
from thalweg.models.classical.neighbours import Neighbours

CLASSIFIERS = {
    "logistic": (Linear, lambda: LogisticRegression(C=0.3)),
    "linear svm": (Linear, lambda: LinearSVC(C=0.03)),
    "naive bayes": (NaiveBayes, lambda: make_pipeline(FunctionTransformer(np.float64), GaussianNB())),
    "rbf svm": (GaussianKernel, lambda: SVC(C=3.0)),
    "neighbours": (Neighbours, lambda: KNeighborsClassifier(5)),
    "forest": (Forest, lambda: RandomForestClassifier(7, min_samples_leaf=2, random_state=0)),
    "boosting": (Boosting, lambda: HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=6)),
}
REGRESSORS = {
    "ridge": (Linear, lambda: Ridge(0.1)),
    "rbf svm": (GaussianKernel, lambda: SVR(C=3.0)),
    "neighbours": (Neighbours, lambda: KNeighborsRegressor(4, weights="distance")),
    "forest": (Forest, lambda: RandomForestRegressor(7, max_features=1 / 3, random_state=0)),
    "boosting": (Boosting, lambda: HistGradientBoostingRegressor(max_iter=5, max_leaf_nodes=6)),
}
HAVE_GAPS = ["forest", "boosting"]


def drawn(seed: int, *, columns: int = 5, gaps: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to fit, rows to answer and the values of the former; one column holds few different numbers."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(150, columns)).astype(np.float32) * generator.uniform(0.1, 30, size=columns).astype(
        np.float32
    )
    rows[:, 0] = generator.integers(0, 4, size=150)
    target = rows[:, 1] / np.abs(rows[:, 1]).max() + np.sin(rows[:, 0]) + 0.1 * generator.normal(size=150)
    rows[generator.random(rows.shape) < gaps] = np.nan
    return rows[:100], rows[50:], target[:100]


def again(kind, estimator):
    """The evaluator of an estimator, out of its arrays alone."""
    return kind.from_arrays(kind.of(estimator).arrays())


def classes(values: np.ndarray, count: int) -> np.ndarray:
    """Codes of as many classes, numbered with gaps."""
    return 2 * np.digitize(values, np.quantile(values, np.arange(1, count) / count)) + 1


def agree(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [2, 3, 6])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_are_answered_as_scikit_learn_does(name, count, seed):
    kind, make = CLASSIFIERS[name]
    rows, others, values = drawn(seed, columns=3 + seed)
    estimator = make().fit(rows, classes(values, count))
    evaluator = again(kind, estimator)
    assert evaluator.classes_.tolist() == estimator.classes_.tolist()
    for asked in ("decision_function", "predict_proba"):
        if asked not in dir(estimator) or (asked == "decision_function") != ("svm" in name):
            continue
        agree(getattr(evaluator, asked)(others), getattr(estimator, asked)(others))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", REGRESSORS)
def test_values_are_answered_as_scikit_learn_does(name, seed):
    kind, make = REGRESSORS[name]
    rows, others, values = drawn(seed, columns=3 + seed)
    estimator = make().fit(rows, values)
    agree(again(kind, estimator).predict(others), estimator.predict(others))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", HAVE_GAPS)
def test_missing_values_go_the_way_that_training_found(name, seed):
    rows, others, values = drawn(seed, gaps=0.3)
    kind, make = CLASSIFIERS[name]
    estimator = make().fit(rows, classes(values, 3))
    agree(again(kind, estimator).predict_proba(others), estimator.predict_proba(others))
    kind, make = REGRESSORS[name]
    regressor = make().fit(rows, values)
    agree(again(kind, regressor).predict(others), regressor.predict(others))


@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_categories_known_and_unknown_go_the_way_that_training_found(seed, gaps):
    rows, others, values = drawn(seed, gaps=gaps)
    generator = np.random.default_rng(seed)
    for one in (rows, others):
        one[:, 3] = generator.integers(0, 40, size=len(one)) * 1.5
    values = values + np.where(np.nan_to_num(rows[:, 3]) % 4.5 == 0, 2.0, 0.0)
    others[::7, 3], others[1::7, 0] = 1000.0, 77.0
    others[2::7, 3] = np.nan
    estimator = HistGradientBoostingRegressor(max_iter=8, max_leaf_nodes=8, min_samples_leaf=3, categorical_features=[3, 0])
    estimator.fit(rows, values)
    agree(again(Boosting, estimator).predict(others), estimator.predict(others))


def test_values_of_several_outputs_are_answered_together():
    rows, others, values = drawn(0)
    both = np.stack([values, -(values**2)], axis=1)
    for kind, make in (REGRESSORS["forest"], REGRESSORS["neighbours"], REGRESSORS["ridge"]):
        estimator = make().fit(rows, both)
        agree(again(kind, estimator).predict(others), estimator.predict(others))


def test_a_row_that_is_met_exactly_decides_alone():
    rows, _, values = drawn(1)
    estimator = KNeighborsRegressor(3, weights="distance").fit(rows, values)
    agree(again(Neighbours, estimator).predict(rows), values)


def test_arrays_that_lead_nowhere_are_refused():
    rows, _, values = drawn(0)
    arrays = Forest.of(RandomForestRegressor(2, random_state=0).fit(rows, values)).arrays()
    with pytest.raises(ValueError, match="later node"):
        Forest.from_arrays(arrays | {"left": np.where(arrays["columns"] >= 0, 0, arrays["left"])})
    with pytest.raises(ValueError, match="leaf has a value"):
        Forest.from_arrays(arrays | {"values": arrays["values"][:1]})
    with pytest.raises(ValueError, match="are needed"):
        Forest.from_arrays({name: one for name, one in arrays.items() if name != "roots"})


def test_arrays_of_other_shapes_are_refused():
    arrays = Linear.of(Ridge().fit(*drawn(0)[::2])).arrays()
    with pytest.raises(ValueError, match="do not fit together"):
        Linear.from_arrays(arrays | {"shifts": np.zeros(3)})
