"""Baselines in packages: they answer as they were judged, in a run's place, and damaged arrays are refused."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor
from torch import nn

from tests.evaluation.arrays import classes, task_of, values
from tests.evaluation.shipping import opponent, shipped
from tests.refusing import expect_refusal
from thalweg.core import registry
from thalweg.core.files import write_folder
from thalweg.core.manifest import open_folder
from thalweg.core.run_folder import RunFolder
from thalweg.core.tensors import tensors_to_bytes
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.evaluation._baseline import Baseline
from thalweg.evaluation.packaged import Shipping, kept, whole_of
from thalweg.models.classical.whole import Whole
from thalweg.packages.package import FORMAT, VERSION, WEIGHTS, Package, load_package

ASKED = {"a": [0.1, 0.5, -1.0], "b": [0.3, -1.0, 0.0], "colour": ["red", "blue", "red"]}
TEXTS = ["good fine day", "bad dull day", "fine good thing", "dull bad thing", "good day", "bad thing"]


def texts(rows=120):
    said = [f"{TEXTS[i % 6]} {'and' * (i % 3)} number {i % 7}" for i in range(rows)]
    target = np.array(["up", "down"])[np.arange(rows) % 2]
    settings = DataSettings(target="target", fields={"said": "text"})
    return encode(read({"said": said, "length": np.arange(rows) % 5 * 1.0, "target": target}, settings), settings, seed=0)


SHIPPED = {name: registry.load("baseline", name) for name in registry.names("baseline")}
TABLES = {"classification": classes, "regression": values}
CASES = [
    (name, task)
    for name, part in SHIPPED.items()
    for task in sorted(part.declaration.facts["tasks"])
    if part.evaluator is not Baseline.evaluator and task in TABLES
]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_package_answers_as_the_baseline_was_judged(tmp_path, name, task):
    dataset = TABLES[task](90)
    one, said = shipped(name, dataset, tmp_path, task)
    assert said == ""
    package = load_package(tmp_path / name)
    assert package.form == "baseline"
    for batch in dataset.batches("test", size=64):
        inputs = {port.name: batch[port.name] for port in package.task.ports.inputs}
        torch.testing.assert_close(package.model(**inputs).exp(), one.model(**inputs).exp(), rtol=0, atol=2e-6)
    columns = {
        key: column for key, column in ASKED.items() if key in {name for one in package.encodings.inputs for name in one.fields}
    }
    assert len(package.predict(columns)["target"]) == 3


@pytest.mark.parametrize("name", ["logistic-regression", "linear-svm", "naive-bayes", "random-forest"])
def test_texts_are_read_as_in_training(tmp_path, name):
    one, said = shipped(name, texts(), tmp_path, "classification")
    assert said == ""
    assert one.rows == one.whole
    package = load_package(tmp_path / name)
    for batch in texts().batches("test", size=64):
        inputs = {port.name: batch[port.name] for port in package.task.ports.inputs}
        torch.testing.assert_close(package.model(**inputs).exp(), one.model(**inputs).exp(), rtol=0, atol=2e-6)


def test_columns_of_words_that_decide_nothing_are_not_kept(tmp_path):
    shipped("logistic-regression", texts(), tmp_path, "classification")
    weights = open_folder(tmp_path / "logistic-regression", format=FORMAT, newest=VERSION).tensors(WEIGHTS)
    assert weights["parts.0.weights"].shape[1] < 100


def test_every_classical_model_of_rows_can_be_shipped():
    assert len({name for name, _ in CASES}) >= 8


def test_several_values_are_predicted_together():
    rows = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    estimator = MultiOutputRegressor(Ridge()).fit(rows, np.stack([rows.sum(1), rows[:, 0]], axis=1))
    part = registry.load("baseline", "ridge")()
    whole = Whole.from_arrays(part.evaluator(), whole_of(part, estimator).arrays())
    np.testing.assert_allclose(whole.predict(rows), estimator.predict(rows), rtol=0, atol=1e-6)


def test_arrays_that_lead_nowhere_are_refused(tmp_path):
    shipped("random-forest", classes(90), tmp_path, "classification")
    folder = open_folder(tmp_path / "random-forest", format=FORMAT, newest=VERSION)
    weights = folder.tensors(WEIGHTS)
    weights["parts.0.left"] = torch.zeros_like(weights["parts.0.left"])
    files = {name: folder.bytes(name) for name in folder.manifest.files} | {WEIGHTS: tensors_to_bytes(weights)}
    write_folder(tmp_path / "damaged", files, format=FORMAT, version=VERSION)
    with expect_refusal("PACKAGE_INCOMPLETE", exit_code=4):
        load_package(tmp_path / "damaged")


def test_what_answers_otherwise_than_scikit_learn_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("thalweg.evaluation.packaged.CLOSE", -1.0)
    _, said = shipped("ridge", values(90), tmp_path, "regression")
    assert "answer otherwise" in said
    assert not (tmp_path / "ridge").exists()


def test_what_is_large_is_kept_only_where_it_is_the_opponent(tmp_path, monkeypatch):
    monkeypatch.setattr("thalweg.evaluation.packaged.MOST_BYTES", 10)
    dataset = values(90)
    task = task_of("regression", dataset)
    one = opponent("ridge", dataset, task)
    shipping = Shipping(tmp_path, Package("part", {"name": "mlp", "settings": {}}, task, nn.Identity()))
    assert "MB" in shipping.ship(one, dataset=dataset, always=False)
    assert shipping.ship(one, dataset=dataset, always=True) == ""


def test_a_baseline_that_a_run_has_not_kept_is_refused_with_those_it_has(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    shipped("ridge", values(90), run.baselines, "regression")
    (run.baselines / ".ridge-2.tmp99999999-1").mkdir()  # of a process that was killed
    assert kept(run, "Ridge").form == "baseline"
    with expect_refusal("BASELINE_UNKNOWN", exit_code=2) as caught:
        kept(run, "rigde")
    assert "one of ridge;" in f"{caught.value.fix};"
    assert ".tmp" not in str(caught.value)
    with expect_refusal("BASELINE_UNKNOWN", exit_code=2):
        kept(RunFolder.create(tmp_path / "bare"), "ridge")
