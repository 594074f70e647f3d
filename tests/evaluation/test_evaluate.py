"""Evaluation over a part, and what it keeps."""

import json

import pytest
import torch

from tests.evaluation.arrays import classes, task_of, values
from thalweg.core import registry
from thalweg.evaluation.evaluate import evaluate
from thalweg.evaluation.leaving_out import form
from thalweg.evaluation.one_metric import FORMS, estimate


def perfect(dataset, task):
    """A model that knows the answers of the test part, in order."""
    name = task.ports.output.name
    batches = iter(list(dataset.batches("test", size=256)))
    return lambda **inputs: torch.nn.functional.one_hot(next(batches)[name], task.ports.output.size) * 50.0


@pytest.mark.parametrize(("name", "settings"), [("mean-return", {"most": 200.0}), ("r2", {})])
def test_no_interval_goes_beyond_what_is_possible(name, settings):
    metric = registry.load("metric", name)(registry.settings_of("metric", name, settings))
    true = torch.linspace(0, 200, 40)
    said = torch.where(torch.arange(40) < 38, 200.0, 190.0) if name == "mean-return" else true + torch.sin(true) * 40
    found = estimate(metric, metric.rows(said, true))
    assert found.low < found.value < found.high <= metric.best
    assert metric.best == (200.0 if name == "mean-return" else 1.0)


def test_a_perfect_model_is_not_certain():
    dataset = classes()
    task = task_of("classification", dataset)
    found = evaluate(task, perfect(dataset, task), dataset)
    assert found.value == 1.0
    n = dataset.rows("test")
    assert found.estimates["accuracy"].low == pytest.approx(0.025 ** (1 / n), abs=1e-6)


def test_a_row_is_kept_for_every_example():
    dataset = classes()
    task = task_of("classification", dataset)
    found = evaluate(task, task.trivial(dataset.batches("train", size=64)), dataset)
    assert {name: len(rows) for name, rows in found.rows.items()} == dict.fromkeys(task.metrics, dataset.rows("test"))
    assert found.rows["accuracy"][:, 0].mean() == pytest.approx(found.value)


def test_the_trivial_model_explains_nothing():
    dataset = values()
    task = task_of("regression", dataset)
    found = evaluate(task, task.trivial(dataset.batches("train", size=64)), dataset)
    assert found.estimates["r2"].value == pytest.approx(0, abs=0.1)
    assert found.estimates["rmse"].low < found.estimates["rmse"].value < found.estimates["rmse"].high


def test_results_are_plain_json():
    dataset = values()
    task = task_of("regression", dataset)
    found = evaluate(task, task.trivial(dataset.batches("train", size=64)), dataset).as_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found["metric"]) == {"name", "value", "low", "high"}


@pytest.mark.parametrize("name", registry.names("metric"))
def test_every_metric_has_a_form_of_interval(name):
    assert form(registry.load("metric", name)) in FORMS


@pytest.mark.parametrize("name", registry.names("metric"))
def test_an_interval_holds_its_value(name):
    kind = registry.load("metric", name)
    example = kind.example()
    metric = kind(example.settings)
    rows = metric.rows(example.prediction, example.target, example.mask).repeat(20, 1)
    found = estimate(metric, rows)
    assert found.value is not None
    assert found.low <= found.value <= found.high
