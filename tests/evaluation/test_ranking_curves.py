"""Curves over all thresholds and reliability, beside scikit-learn's."""

import numpy as np
import pytest
from sklearn import calibration, metrics

from thalweg.evaluation.ranking_curves import POINTS, precision_recall, ranking_curves, roc, thinned
from thalweg.evaluation.reliability import binned, calibration_error, reliability


def two_classes(n=500, *, levels=None):
    generator = np.random.default_rng(0)
    true = (generator.random(n) < 0.3).astype(int)
    sure = 1 / (1 + np.exp(-(1.2 * true - 0.6 + generator.normal(size=n))))
    sure = np.round(sure * levels) / levels if levels else sure
    return np.stack([1 - sure, sure], 1), true


def many_classes(n=400, classes=4):
    generator = np.random.default_rng(1)
    true = generator.integers(0, classes, n)
    scores = generator.normal(size=(n, classes)) + 1.5 * np.eye(classes)[true]
    return np.exp(scores) / np.exp(scores).sum(1, keepdims=True), true


@pytest.mark.parametrize("levels", [None, 8])
def test_the_roc_curve_is_that_of_scikit_learn(levels):
    probabilities, true = two_classes(levels=levels)
    called, found, _ = metrics.roc_curve(true, probabilities[:, 1], drop_intermediate=False)
    np.testing.assert_allclose(roc(probabilities[:, 1], true == 1), np.stack([called, found], 1), atol=1e-12)


@pytest.mark.parametrize("levels", [None, 8])
def test_the_curve_of_precision_and_recall_is_that_of_scikit_learn(levels):
    probabilities, true = two_classes(levels=levels)
    precision, recall, _ = metrics.precision_recall_curve(true, probabilities[:, 1])
    expected = np.stack([recall, precision], 1)[::-1][1:]  # without the point that no threshold gives
    np.testing.assert_allclose(precision_recall(probabilities[:, 1], true == 1), expected, atol=1e-12)


def test_areas_of_two_classes_are_those_of_scikit_learn_for_the_rarer_one():
    probabilities, true = two_classes()
    (one,) = ranking_curves(probabilities, true, ["no", "yes"])["classes"]
    assert one["class"] == "yes"
    assert one["roc"]["value"] == pytest.approx(metrics.roc_auc_score(true, probabilities[:, 1]))
    assert one["precision_recall"]["value"] == pytest.approx(metrics.average_precision_score(true, probabilities[:, 1]))
    assert one["roc"]["low"] < one["roc"]["value"] < one["roc"]["high"]
    (other,) = ranking_curves(probabilities[:, ::-1], 1 - true, ["yes", "no"])["classes"]
    assert other["class"] == "yes"
    assert other["roc"]["value"] == pytest.approx(one["roc"]["value"])


def test_areas_of_many_classes_are_those_of_scikit_learn_against_the_rest():
    probabilities, true = many_classes()
    found = {one["class"]: one for one in ranking_curves(probabilities, true, list("abcd"))["classes"]}
    for code, name in enumerate("abcd"):
        assert found[name]["roc"]["value"] == pytest.approx(metrics.roc_auc_score(true == code, probabilities[:, code]))
        area = metrics.average_precision_score(true == code, probabilities[:, code])
        assert found[name]["precision_recall"]["value"] == pytest.approx(area)


def test_where_it_decides_is_what_scikit_learn_counts():
    probabilities, true = two_classes()
    said = probabilities.argmax(1)
    (one,) = ranking_curves(probabilities, true, ["no", "yes"])["classes"]
    assert one["decides"]["found"]["value"] == pytest.approx(metrics.recall_score(true, said))
    assert one["decides"]["precision"]["value"] == pytest.approx(metrics.precision_score(true, said))


def test_a_thinned_curve_keeps_its_ends_and_its_area():
    probabilities, true = two_classes(4000)
    whole = roc(probabilities[:, 1], true == 1)
    few = np.array(thinned(whole, POINTS))
    assert len(few) <= POINTS
    assert few[0].tolist() == [0, 0]
    assert few[-1].tolist() == [1, 1]
    assert metrics.auc(few[:, 0], few[:, 1]) == pytest.approx(metrics.auc(whole[:, 0], whole[:, 1]), abs=0.005)
    assert thinned(np.array([[0, 0], [0, 0.5], [0, 1], [0.5, 1], [1, 1.0]]), 9) == [(0, 0), (0, 1), (1, 1)]


def test_one_class_alone_has_no_curves_and_a_class_never_called_no_precision():
    probabilities, true = two_classes()
    assert ranking_curves(probabilities, np.zeros_like(true), ["no", "yes"]) == {}
    never = np.stack([0.9 - 0.1 * probabilities[:, 1], 0.1 + 0.1 * probabilities[:, 1]], 1)
    (one,) = ranking_curves(never, true, ["no", "yes"])["classes"]
    assert one["decides"]["precision"] is None


def test_bins_are_those_of_scikit_learn():
    probabilities, true = two_classes()
    observed, predicted = calibration.calibration_curve(true, probabilities[:, 1], n_bins=10, strategy="uniform")
    found = binned(probabilities[:, 1], true == 1)
    np.testing.assert_allclose([one["observed"] for one in found], observed)
    np.testing.assert_allclose([one["predicted"] for one in found], predicted)
    assert sum(one["n"] for one in found) == len(true)
    assert all(one["low"] <= one["observed"] <= one["high"] for one in found)


def test_a_calibrated_model_stays_below_what_chance_shows_and_a_boastful_one_does_not():
    generator = np.random.default_rng(2)
    sure = generator.random(1500)
    true = (generator.random(1500) < sure).astype(int)
    honest = calibration_error(np.stack([1 - sure, sure], 1), true)
    assert honest["value"] < honest["chance"]
    boast = np.where(sure > 0.5, 0.99, 0.01)
    boastful = calibration_error(np.stack([1 - boast, boast], 1), true)
    assert boastful["low"] > boastful["chance"]


def test_of_many_classes_it_is_asked_whether_it_is_right_when_it_is_sure():
    probabilities, true = many_classes()
    found = reliability(probabilities, true, list("abcd"))
    assert found["class"] is None
    right = probabilities.argmax(1) == true
    assert sum(one["observed"] * one["n"] for one in found["bins"]) == pytest.approx(right.sum())


def test_a_calibration_error_of_few_examples_ends_where_no_gap_can_lie_beyond():
    sure = 0.5 + 0.01 * np.random.default_rng(0).random(30)
    found = calibration_error(np.stack([1 - sure, sure], 1), np.arange(30) % 2)
    assert found["value"] < found["high"] <= 1.0
