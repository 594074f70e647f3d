"""Backpropagation is held to what every way of learning is held to; the metrics of a run stand in its file once each."""

import json

from sklearn.datasets import load_iris

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted

SETTINGS = {"source": "iris", "rule": {"name": "backpropagation", "steps": 12, "average": 0.9}}


def test_a_run_cut_anywhere_ends_with_the_same_bits_and_predicts_elsewhere(tmp_path):
    whole = assert_resumes_to_the_same_bits(SETTINGS, tmp_path, cuts=(0, 1, 2, 5))
    iris = load_iris()
    columns = {name: iris.data[:, i] for i, name in enumerate(iris.feature_names)}
    assert_new_process_predicts_the_same(whole, whole.folder.model, columns)


def test_every_evaluation_stands_once_in_file_and_history(tmp_path):
    two_batches = {"rule": {**SETTINGS["rule"], "batch_size": 64}}
    run = fitted({**SETTINGS, **two_batches, "checkpoint_steps": 1}, tmp_path / "run")
    lines = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    assert lines == run.history
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10, 12]
