"""A baseline for which there is no memory is left out and named; the others and the verdict stay."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from tests.evaluation.arrays import classes, task_of
from thalweg.core import registry
from thalweg.core.talk import Talk
from thalweg.evaluation.opponents import opponents


class Greedy(ClassifierMixin, BaseEstimator):
    """Asks for more memory than there can be."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        self.table = np.empty(1 << 48, np.uint8)
        return self


def test_a_baseline_that_runs_out_of_memory_is_named_and_the_others_are_fitted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry.load("baseline", "naive-bayes"), "classifiers", lambda self, seed: [("all of it", Greedy())])
    dataset = classes()
    found = opponents(task_of("classification", dataset), dataset, headline="accuracy", seed=0, budget=20.0, talk=Talk())
    assert [note for note in found.notes if "naive Bayes" in note] == [
        "naive Bayes was not fitted: there is not enough memory for its rows"
    ]
    names = {one.name for one in found.opponents}
    assert "naive-bayes" not in names
    assert {"logistic-regression", "k-nearest-neighbours"} <= names
