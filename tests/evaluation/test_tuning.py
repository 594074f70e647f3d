"""Settings of baselines: chosen by cross-validation on the training part, in a number of fits that is fixed beforehand."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB

from tests.evaluation.arrays import classes, task_of
from thalweg.core import registry
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.evaluation.features import Columns
from thalweg.evaluation.opponents import Chooser, fit_one
from thalweg.evaluation.training_rows import OF_FREE, Training
from thalweg.evaluation.tuning import Plan, _folds, cross_validated, planned

SETTINGS = [(f"smoothing {one:g}", GaussianNB(var_smoothing=one)) for one in (1e-9, 1e-1, 1e3)]


def prepared(rows=240):
    dataset = classes(rows, noise=0.9)
    task = task_of("classification", dataset)
    return task, dataset, Training.of(task, dataset, 0)


def clocked(monkeypatch, seconds_a_row):
    """Fits that say how long they took, by the rows that they were given."""
    plain = Training.fit

    def fit(self, estimator, rows):
        plain(self, estimator, rows)
        return seconds_a_row * (rows if isinstance(rows, int) else len(rows))

    monkeypatch.setattr(Training, "fit", fit)


@pytest.mark.parametrize(
    ("seconds", "plan", "fits"),
    [(100.0, Plan(144, 3, 3), 10), (1.0, Plan(144, 3, 0), 3), (0.5, Plan(144, 2, 0), 2), (0.01, Plan(144, 1, 0), 1)],
)
def test_the_number_of_fits_follows_from_the_time_before_the_first_of_them(monkeypatch, seconds, plan, fits):
    _, _, training = prepared()
    clocked(monkeypatch, 0.001)
    found = planned(training, SETTINGS, power=1.0, seconds=seconds)
    assert (found, found.fits) == (plan, fits)


@pytest.mark.parametrize(("seconds", "plan"), [(100.0, Plan(144, 3, 3)), (1.2, Plan(144, 2, 3)), (0.5, Plan(144, 1, 3))])
def test_where_folds_judge_the_baseline_they_come_before_further_settings(monkeypatch, seconds, plan):
    _, _, training = prepared()
    clocked(monkeypatch, 0.001)
    assert planned(training, SETTINGS, power=1.0, seconds=seconds, folded=True) == plan


def test_what_was_planned_is_what_is_fitted_and_recorded():
    task, dataset, training = prepared()
    one, note = fit_one("naive-bayes", training, Chooser(task, dataset, "accuracy", 0), Columns(task), seconds=60.0)
    assert (one.fits, one.folds, one.rows, note) == (10, 3, 144, "")


def test_where_memory_is_scarce_a_draw_of_the_rows_is_fitted_and_that_is_said(monkeypatch):
    dataset = classes(2400, noise=0.9)
    task = task_of("classification", dataset)
    whole = Training.of(task, dataset, 0)
    width = whole.rows.shape[1]
    monkeypatch.setattr("thalweg.evaluation.training_rows.free_bytes", lambda device: OF_FREE * 500 * width)
    scarce, chooser = Training.of(task, dataset, 0), Chooser(task, dataset, "accuracy", 0)
    assert 100 < len(scarce.rows) == len(scarce.target) <= 520
    assert len({*map(tuple, scarce.rows)} - {*map(tuple, whole.rows)}) == 0
    answers = {tuple(row): answer for row, answer in zip(whole.rows, whole.target, strict=True)}
    assert all(answers[tuple(row)] == answer for row, answer in zip(scarce.rows, scarce.target, strict=True))
    one, note = fit_one("naive-bayes", scarce, chooser, Columns(task), seconds=60.0)
    assert (one.rows, one.whole) == (len(scarce.rows), len(whole.rows))
    assert note.endswith(f"fitted on {one.rows:,} of {one.whole:,} rows, to keep to memory")
    assert 1 <= sum(batch.size for batch in chooser.batches) <= 256


def test_settings_are_compared_on_training_rows_as_scikit_learn_compares_them():
    task, _, training = prepared()
    accuracy = task.metrics["accuracy"]
    plan = Plan(144, 3, 3)
    scores, fits, _ = cross_validated(training, SETTINGS, plan, accuracy, Columns(task), decisions=False)
    fold = np.arange(144) * 3 // 144
    parts = [(np.flatnonzero(fold != one), np.flatnonzero(fold == one)) for one in range(3)]
    known = {
        words: cross_val_score(estimator, training.rows, training.target.astype(int), cv=parts).mean()
        for words, estimator in SETTINGS
    }
    assert scores == pytest.approx(known)
    assert fits == 9


def test_the_chosen_setting_is_that_of_the_folds_and_not_of_the_validation_part(monkeypatch):
    task, dataset, training = prepared()
    worst = {"smoothing 1e-09": 0.1, "smoothing 0.001": 0.2, "smoothing 0.1": 0.9}
    monkeypatch.setattr("thalweg.evaluation.opponents.cross_validated", lambda *given, **named: (worst, 9, ""))
    one, _ = fit_one("naive-bayes", training, Chooser(task, dataset, "accuracy", 0), Columns(task), seconds=60.0)
    assert one.setting == "smoothing 0.1"


def test_folds_keep_groups_whole():
    generator = np.random.default_rng(0)
    columns = {"a": generator.normal(size=200), "patient": [f"p{i // 4}" for i in range(200)], "target": ["x", "y"] * 100}
    settings = DataSettings(target="target", group="patient")
    dataset = encode(read(columns, settings), settings, seed=0)
    training = Training.of(task_of("classification", dataset), dataset, 0)
    fold = _folds(training, Plan(len(training.target), 3, 3))
    assert all(len(set(fold[training.groups == one])) == 1 for one in set(training.groups))
    assert set(fold) == {0, 1, 2}


def test_areas_and_losses_are_means_over_folds_too():
    task, _, training = prepared()
    auc = registry.load("metric", "auc")(registry.settings_of("metric", "auc"))
    scores, _, _ = cross_validated(training, SETTINGS[:1], Plan(144, 1, 3), auc, Columns(task), decisions=False)
    assert 0.5 < next(iter(scores.values())) <= 1
