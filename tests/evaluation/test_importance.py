"""What columns are worth: shuffled on held-out rows, with intervals, within its time."""

import numpy as np
import pytest
import torch
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from tests.evaluation.arrays import classes, task_of, values
from thalweg.core.position import Position
from thalweg.evaluation.importance import columns_of, importance, pace


def follower(column, *, sure=4.0):
    """Says class 1 or 0 of the sign of one of the numbers, whatever the rest says."""

    def model(numbers, *others, **named):
        scores = sure * numbers[:, column]
        return torch.stack([-scores, scores, torch.full_like(scores, -9.0)], 1)

    return model


def test_only_the_column_that_a_model_reads_is_worth_something():
    dataset = classes(900)
    found = importance(task_of("classification", dataset), follower(1), dataset, at=Position(), seconds=100)
    first, *others = found["columns"]
    assert {one["name"] for one in found["columns"]} == {"a", "b", "colour"}
    assert first["name"] == "b"
    assert first["low"] > 0
    assert [one["value"] for one in others] == [0.0, 0.0]
    assert all(one["low"] <= 0 <= one["high"] for one in others)
    assert found["rows"] == len(dataset.parts["validation"]) + len(dataset.parts["calibration"])


def test_the_loss_is_about_that_of_scikit_learn():
    dataset = values(2000)
    rows = torch.cat([dataset.parts["validation"], dataset.parts["calibration"]])
    inputs, target = dataset.store.fields["numbers"].numpy(), dataset.store.fields["target"].numpy()
    fitted = LinearRegression().fit(inputs, target)

    def model(numbers):
        return torch.from_numpy(fitted.predict(numbers.numpy()).astype(np.float32))

    found = importance(task_of("regression", dataset), model, dataset, at=Position(), seconds=100)
    theirs = permutation_importance(
        fitted, inputs[rows], target[rows], scoring="neg_root_mean_squared_error", n_repeats=20, random_state=0
    )
    scale = float(dataset.encodings.target.scale.deviation[0])
    expected = dict(zip("ab", scale * theirs.importances_mean, strict=True))
    assert found["metric"] == "rmse"
    for one in found["columns"]:
        assert one["value"] == pytest.approx(expected[one["name"]], rel=0.1)
        assert one["low"] < expected[one["name"]] < one["high"]


def test_it_is_the_same_for_the_same_seed():
    dataset = classes(900)
    found = [importance(task_of("classification", dataset), follower(0), dataset, at=Position(3), seconds=99) for _ in range(2)]
    assert found[0]["columns"] == found[1]["columns"]


def test_where_time_is_short_fewer_rows_are_looked_at_or_none():
    assert pace(2000, 7.5) == (2000, 5)
    assert pace(2000, 2.9) == (2000, 2)
    assert pace(2000, 0.5) == (1000, 1)
    assert pace(2000, 0.04) == (100, 1)
    assert pace(2000, 0.01) == (100, 0)
    assert pace(60, 0.6) == (60, 1)


def test_columns_are_those_that_a_prediction_is_made_from():
    dataset = classes()
    named = [(one.kind, field) for one, field in columns_of(task_of("classification", dataset), dataset)]
    assert named == [("number", "a"), ("number", "b"), ("category", "colour")]
