"""Classifier and Regressor as scikit-learn sees them."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_iris, make_friedman1
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import thalweg as tw
from thalweg.core.errors import UsageRefusal

SMALL = {"name": "tabular", "members": 2, "hidden": [32], "encoders": {"numbers": {"bins": 16, "width": 8}}}
QUICK = {"steps": 150, "batch_size": 32, "lr": 0.01, "settings": {"threads": 1}}
EXCUSED = {
    "check_sample_weight_equivalence_on_dense_data": "batches are drawn, so a weight of two is not a row given twice",
    "check_sample_weight_equivalence_on_sparse_data": "batches are drawn, so a weight of two is not a row given twice",
}


@pytest.mark.slow
@parametrize_with_checks(
    [tw.Classifier(SMALL, **QUICK), tw.Regressor(SMALL, **QUICK)], expected_failed_checks=lambda estimator: EXCUSED
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def quick(kind, model=SMALL, **changed):
    return kind(model, **{**QUICK, "random_state": 0, **changed})


def test_a_classifier_learns_iris_in_a_pipeline_and_a_grid():
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    net = quick(tw.Classifier, {**SMALL, "trees": 0})  # trees know iris before the first step
    grid = GridSearchCV(make_pipeline(StandardScaler(), net), {"classifier__steps": [1, 300]}, cv=2).fit(x, names)
    assert grid.best_params_ == {"classifier__steps": 300}
    assert grid.best_score_ > 0.9
    assert list(grid.classes_) == ["setosa", "versicolor", "virginica"]


def test_a_regressor_learns_a_curve_and_stays_the_same_when_pickled():
    x, y = make_friedman1(300, noise=0.1, random_state=0)
    model = quick(tw.Regressor, steps=300).fit(x, y)
    assert model.score(x, y) > 0.9
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(x), model.predict(x))  # noqa: S301 - its own
    assert np.array_equal(quick(tw.Regressor, steps=300).fit(x, y).predict(x), model.predict(x))


def test_words_and_gaps_of_a_frame_are_read_as_in_training():
    colour = np.array(["red", "green", "blue"] * 20)
    number = np.where(np.arange(60) % 7, np.arange(60.0), np.nan)
    frame = pa.table({"colour": colour, "number": number})
    model = quick(tw.Classifier).fit(frame, colour == "red")
    assert model.score(frame, colour == "red") == 1.0
    assert list(model.feature_names_in_) == ["colour", "number"]
    assert model.n_features_in_ == 2


def test_a_row_that_weighs_nothing_is_not_learned_from():
    x = np.linspace(-1, 1, 80)[:, None]
    wrong = np.arange(80) % 2 == 1
    y = np.where(wrong, 5.0, x[:, 0])
    heeded = quick(tw.Regressor).fit(x, y, sample_weight=np.where(wrong, 0.0, 1.0))
    assert np.abs(heeded.predict(x) - x[:, 0]).mean() < 0.2 < np.abs(quick(tw.Regressor).fit(x, y).predict(x) - x[:, 0]).mean()


def test_a_preset_says_how_much_effort_it_is_worth():
    x, y = load_iris(return_X_y=True)
    model = quick(tw.Classifier, preset="fast", steps=20).fit(x, y)
    assert model.get_params()["preset"] == "fast"
    with pytest.raises(UsageRefusal, match="preset"):
        quick(tw.Classifier, preset="fats").fit(x, y)
    assert all("preset:" in str(kind.__doc__) for kind in (tw.Classifier, tw.Regressor))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="one class"):
        quick(tw.Classifier).fit([[0.0], [1.0]], ["a", "a"])
