"""Anybody's model beside baselines that are trained here on its own training rows."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression

import thalweg as tw
from tests.refusing import expect_refusal


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("thalweg.evaluation.foreign.trained.BUDGET", 0.3)
    monkeypatch.setattr("thalweg.evaluation.opponents._fitting", lambda _: ["naive-bayes"])


@pytest.fixture(scope="module")
def numbers():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 3))
    return x, np.where(x[:, 0] + 0.5 * generator.normal(size=300) > 0, "yes", "no")


def test_baselines_learn_from_the_rows_given_and_the_verdict_is_on_the_best_of_them(numbers):
    x, y = numbers
    model = LogisticRegression().fit(x[:200], y[:200])
    found = tw.compare(model, data=(x[200:], y[200:]), train=(x[:200], y[:200]))
    assert found["model"] == "LogisticRegression"
    assert found["metric"]["value"] == pytest.approx(model.score(x[200:], y[200:]))
    assert {one["name"]: one["rows"] for one in found["baselines"]} == {"naive-bayes": 200, "trivial": 200}
    assert found["verdict"]["opponent"] == "naive-bayes"
    assert "LogisticRegression is right in" in found["verdict"]["sentence"] or "naive Bayes" in found["verdict"]["sentence"]
    assert "learned from the same 200 rows" in found["claim"]
    assert {one["name"]: one["word"] for one in found["baselines"]}["trivial"] == "better"


def test_classes_keep_their_names_whatever_they_are(numbers):
    x, y = numbers
    for named in (np.where(y == "yes", "1", "0"), (y == "yes").astype(int), y == "yes"):
        model = LogisticRegression().fit(x[:200], named[:200])
        found = tw.compare(model, data=(x[200:], named[200:]), train=(x[:200], named[:200]))
        assert {one["name"]: one["value"] for one in found["baselines"]}["naive-bayes"] > 0.8


def test_frames_texts_and_modules_are_taken_as_the_model_takes_them(numbers, monkeypatch):
    x, y = numbers
    columns = dict(zip("abc", np.ascontiguousarray(x.T), strict=True))
    table = pa.table(columns | {"kind": y})
    model = LogisticRegression().fit(x[:200], y[:200])
    found = tw.compare(model, data=table.slice(200), train=table.slice(0, 200), target="kind")
    assert found["metric"]["value"] == pytest.approx(model.score(x[200:], y[200:]))

    words = ["good film" if one == "yes" else "bad film" for one in y]
    found = tw.compare(
        lambda texts: ["yes" if "good" in one else "no" for one in texts],
        data=(words[200:], list(y[200:])),
        train=(words[:200], list(y[:200])),
    )
    assert found["metric"]["value"] == 1.0
    assert {one["name"]: one["value"] for one in found["baselines"]}["naive-bayes"] == 1.0

    monkeypatch.setattr("thalweg.evaluation.opponents._fitting", lambda _: ["ridge"])
    net = torch.nn.Linear(3, 1)
    target = x @ [1.0, 2.0, 3.0] + 5
    line = LinearRegression().fit(x[:200], target[:200])
    with torch.no_grad():
        net.weight.copy_(torch.tensor(line.coef_)[None])
        net.bias.copy_(torch.tensor([line.intercept_]))
    found = tw.compare(net, data=(x[200:].astype("float32"), target[200:]), train=(x[:200].astype("float32"), target[:200]))
    assert found["metric"]["name"] == "rmse"
    assert found["verdict"]["opponent"] == "ridge"


def test_rows_to_judge_on_must_be_others_than_those_to_learn_from(numbers):
    model = LogisticRegression().fit(*numbers)
    with expect_refusal("COMPARE_SAME_ROWS", exit_code=3):
        tw.compare(model, data=numbers, train=numbers)
    with expect_refusal("COMPARE_LACKS", exit_code=2):
        tw.compare(model, train=numbers)
