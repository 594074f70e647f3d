"""Anybody's models, judged and compared: what they are given, how their answers are read, and what is refused."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, root_mean_squared_error
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import thalweg as tw
from tests.refusing import expect_refusal
from thalweg.evaluation.looks import Looks
from thalweg.evaluation.paired import shares_differ
from thalweg.verbs.run import dataset_of


@pytest.fixture(scope="module")
def numbers():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 3))
    return x, np.where(x[:, 0] + 0.5 * generator.normal(size=300) > 0, "yes", "no")


@pytest.fixture(scope="module")
def logistic(numbers):
    return LogisticRegression().fit(*numbers)


@pytest.fixture(scope="module")
def bayes(numbers):
    x, y = numbers
    return make_pipeline(StandardScaler(), GaussianNB()).fit(x[:, :], y)


def table(x, **further):
    return pa.table(dict(zip("abc", np.ascontiguousarray(x.T), strict=True)) | further)


class Linear(torch.nn.Module):
    """The same as a linear classifier of two classes."""

    def __init__(self, fitted):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)
        self.dropout = torch.nn.Dropout(0.5)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor(fitted.coef_))
            self.layer.bias.copy_(torch.tensor(fitted.intercept_))

    def forward(self, x):
        second = self.dropout(self.layer(x))
        return torch.cat([torch.zeros_like(second), second], 1)


def test_an_estimator_is_measured_as_scikit_learn_measures_it(numbers, logistic):
    x, y = numbers
    found = tw.evaluate(logistic, (x, y))
    assert found["metric"]["name"] == "accuracy"
    assert found["metric"]["value"] == pytest.approx(accuracy_score(y, logistic.predict(x)))
    assert found["metrics"]["log-loss"]["value"] == pytest.approx(log_loss(y, logistic.predict_proba(x)))
    assert found["metric"]["low"] < found["metric"]["value"] < found["metric"]["high"]


def test_two_models_of_any_make_are_paired_on_the_same_examples(numbers, logistic, bayes):
    x, y = numbers
    found = tw.compare(logistic, bayes, (x, y))
    right = [model.predict(x) == y for model in (logistic, bayes)]
    known = shares_differ(int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum()), 300)
    assert (found["verdict"]["low"], found["verdict"]["high"]) == pytest.approx((known.low, known.high))
    assert found["verdict"]["word"] in ("better", "equivalent", "worse", "not enough data")
    assert "GaussianNB" in found["verdict"]["sentence"]
    assert found["claim"].startswith("This speaks for these two models")


def test_a_torch_module_answers_as_the_estimator_whose_weights_it_has_and_keeps_its_mode(numbers, logistic):
    net = Linear(logistic).train()
    found = tw.compare(net, logistic, numbers)
    assert found["verdict"]["word"] == "equivalent"
    assert found["metrics"]["log-loss"]["value"] == pytest.approx(
        found["baselines"][0]["metrics"]["log-loss"]["value"], abs=1e-5
    )
    assert found["notes"] == ["Linear: taken for logits, since they do not sum to 1"]
    assert net.dropout.training
    assert found["verdict"]["sentence"].endswith("Use whichever is simpler.")


def test_callables_may_answer_labels_codes_one_probability_or_one_for_each_class(numbers, logistic):
    x, y = numbers
    value = accuracy_score(y, logistic.predict(x))
    ways = {
        "labels": (lambda given: logistic.predict(given), {}),
        "codes": (lambda given: (logistic.predict(given) == "yes").astype(int), {"classes": ["no", "yes"]}),
        "probability of the second": (lambda given: logistic.predict_proba(given)[:, 1], {}),
        "logit of the second": (lambda given: logistic.decision_function(given), {}),
        "other order": (lambda given: logistic.predict_proba(given)[:, ::-1], {"classes": ["yes", "no"]}),
    }
    for name, (model, said) in ways.items():
        assert tw.evaluate(model, (x, y), **said)["metric"]["value"] == pytest.approx(value), name


def test_frames_and_columns_are_given_as_they_were_fitted(numbers):
    x, y = numbers
    frame = table(x, kind=y, patient=np.arange(300) // 5)
    model = LogisticRegression().fit(frame.select(["c", "a"]), y)
    found = tw.evaluate(model, frame.select(["c", "a", "kind"]), target="kind")
    columns = dict(zip("abc", x.T, strict=True)) | {"kind": list(y)}
    assert tw.evaluate(model, columns, target="kind")["metric"] == found["metric"]
    inputs = frame.select(["a", "b", "c"])
    whole, other = LogisticRegression().fit(inputs, y), GaussianNB().fit(inputs, y)
    grouped = tw.compare(whole, other, frame, target="kind", group="patient")
    assert grouped["groups"] == 60
    assert "on these 60 groups" in grouped["verdict"]["sentence"] or grouped["verdict"]["word"] == "not enough data"


def test_numbers_are_measured_as_numbers(numbers):
    x, _ = numbers
    y = x @ [1.0, 2.0, 3.0] + np.random.default_rng(1).normal(size=300)
    fitted = LinearRegression().fit(x, y)
    net = torch.nn.Linear(3, 1)
    with torch.no_grad():
        net.weight.copy_(torch.tensor(fitted.coef_)[None])
        net.bias.fill_(float(fitted.intercept_))
    found = tw.compare(net, lambda given: np.zeros(len(given)), (torch.tensor(x, dtype=torch.float32), y))
    assert found["metric"]["name"] == "rmse"
    assert found["metric"]["value"] == pytest.approx(root_mean_squared_error(y, fitted.predict(x)), rel=1e-5)
    assert found["verdict"]["word"] == "better"
    assert (
        "the root mean squared error of Linear is" in found["verdict"]["sentence"] or "Linear" in found["verdict"]["sentence"]
    )


def test_a_torch_dataset_gives_inputs_and_truth(numbers, logistic):
    x, y = numbers
    codes = torch.tensor((y == "yes").astype(int))
    data = torch.utils.data.TensorDataset(torch.tensor(x, dtype=torch.float32), codes)
    found = tw.evaluate(Linear(logistic), data)
    assert found["metric"]["value"] == pytest.approx(accuracy_score(y, logistic.predict(x)))


def test_the_same_answers_are_one_look_and_others_a_further_one(numbers, logistic, bayes):
    assert [tw.compare(logistic, bayes, numbers)["verdict"]["look"] for _ in range(2)] == [1, 1]
    assert tw.compare(bayes, logistic, numbers)["verdict"]["look"] == 2


def test_what_does_not_fit_is_refused(numbers, logistic):
    x, y = numbers
    refused = {
        "ANSWERS_COUNT": (lambda given: logistic.predict(given)[:-1], (x, y), {}),
        "ANSWERS_LABELS": (lambda given: np.ones(len(given), dtype=int), (x, y), {}),
        "ANSWERS_CLASSES": (lambda given: np.full((len(given), 3), 1 / 3), (x, y), {}),
        "ANSWERS_SHAPE": (lambda given: np.zeros((len(given), 2, 2)), (x, y), {}),
        "ANSWERS_NOT_NUMBERS": (lambda given: ["much"] * len(given), (x, x[:, 0]), {"task": "regression"}),
        "DATA_LENGTHS": (logistic, (x, y[:-1]), {}),
        "DATA_NO_TRUTH": (logistic, (x, [None, *y[1:]]), {}),
        "DATA_NO_TARGET": (logistic, table(x), {}),
        "FIELD_UNKNOWN": (logistic, table(x), {"target": "d"}),
        "MODEL_INVALID": (LogisticRegression, (x, y), {}),
        "COMPARE_TASK": (logistic, (x, y), {"task": "control"}),
        "EVALUATE_LACKS": (logistic, None, {}),
        "INPUTS_NOT_NUMBERS": (torch.nn.Linear(3, 2), (["a"] * 300, y), {}),
    }
    codes = {"DATA_LENGTHS": 3, "DATA_NO_TRUTH": 3, "DATA_NO_TARGET": 3}
    for code, (model, data, said) in refused.items():
        with expect_refusal(code, exit_code=codes.get(code, 2)):
            tw.evaluate(model, data, **said)


def test_answers_that_are_not_a_number_and_models_that_raise_are_told_by_row_and_line(numbers):
    x, _ = numbers

    def lost(given):
        return np.where(np.arange(len(given)) == 7, np.nan, 1.0)

    def raising(given):
        raise KeyError("age")

    with expect_refusal("PREDICTIONS_NOT_FINITE", exit_code=5) as caught:
        tw.evaluate(lost, (x, x[:, 0]))
    assert "rows 7" in caught.value.where
    with expect_refusal("MODEL_FAILED", exit_code=5) as caught:
        tw.evaluate(raising, (x, x[:, 0]))
    assert "test_foreign.py:" in caught.value.where


def test_two_models_need_data_and_no_seeds(numbers, logistic):
    for given in ((logistic, logistic, None), (logistic, None, numbers)):
        with expect_refusal("COMPARE_LACKS", exit_code=2):
            tw.compare(*given)
    with expect_refusal("COMPARE_LACKS", exit_code=2):
        tw.compare(logistic, logistic, numbers, seeds=5)


@pytest.fixture(scope="module")
def run(tmp_path_factory, numbers):
    x, y = numbers
    folder = tmp_path_factory.mktemp("foreign")
    lines = [",".join([*(f"{one:.5f}" for one in row), kind]) for row, kind in zip(x, y, strict=True)]
    (folder / "data.csv").write_text("\n".join(["a,b,c,kind", *lines]))
    settings = {"rule": {"steps": 60}, "model": {"name": "mlp", "hidden": [8]}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("thalweg.evaluation.opponents._fitting", lambda task: ["naive-bayes", "logistic-regression"])
        return tw.train(folder / "data.csv", target="kind", settings=settings, out=folder / "run", check=False, lr=0.05)


def test_a_run_is_compared_with_any_model_on_its_own_test_part(run, numbers):
    x, y = numbers
    forest = LogisticRegression().fit(table(x), y)
    found = tw.compare(run, forest)
    assert (found["part"], found["examples"]) == ("test", 60)
    assert found["metric"]["value"] == pytest.approx(run.results["metric"]["value"])
    assert found["baselines"][0]["name"] == "LogisticRegression"
    other = tw.compare(forest, run)
    assert other["verdict"]["difference"] == pytest.approx(-found["verdict"]["difference"])


def test_a_packaged_baseline_takes_part_by_its_name_or_its_path(run):
    found = tw.compare(run, "naive-bayes")
    known = next(one for one in run.results["baselines"] if one["name"] == "naive-bayes")
    assert found["baselines"][0]["value"] == pytest.approx(known["value"])
    assert found["verdict"]["difference"] == pytest.approx(known["difference"])
    again = tw.compare(run.path / "baselines" / "naive-bayes", run.path)
    assert again["metric"]["value"] == pytest.approx(known["value"])


def test_a_dummy_is_worse_than_a_run_on_data_given(run, numbers):
    x, y = numbers
    dummy = DummyClassifier().fit(table(x), y)
    assert tw.compare(dummy, run, table(x, kind=y), target="kind")["verdict"]["word"] == "worse"


def test_evl_04_the_training_file_given_as_test_file_is_refused(run, numbers):
    path = run.path.parent / "data.csv"
    with expect_refusal("EVALUATE_LEARNED", exit_code=3) as caught:
        tw.evaluate(run.path, path)
    assert caught.value.details == {"learned": 180, "rows": 300}
    with pytest.warns(UserWarning, match="learned from 180 of these 300 rows"):
        assert tw.evaluate(run.path, path, i_know=True)["examples"] == 300
    x, y = numbers
    assert tw.evaluate(run, table(x + 0.01, kind=y))["examples"] == 300


def test_subgroups_of_the_runs_own_test_part_are_a_look_at_it_that_further_columns_pay_for(tmp_path):
    draw = np.random.default_rng(0)
    columns = {name: draw.choice(["p", "q"], 400).tolist() for name in ("ward", "sex")} | {
        "few": [str(i % 25) for i in range(400)]
    }
    data = {**columns, "x": draw.normal(size=400), "kind": draw.choice(["yes", "no"], 400).tolist()}
    settings = {"rule": {"steps": 5}, "model": {"name": "mlp", "hidden": [4]}}
    run = tw.train(data, target="kind", settings=settings, out=tmp_path / "run", check=False, compare=False)
    first, again, none, second = (tw.evaluate(run, by=name)["by"] for name in ("ward", "ward", "few", "sex"))
    assert [one["look"] for one in (first, again, second)] == [2, 2, 3]
    assert 1 - second["level"] == pytest.approx((1 - first["level"]) * 2 / 3)
    assert "Look 3 at this test set: intervals are widened" in second["sentence"]
    assert "Look" not in none["sentence"]
    lines = Looks.at(dataset_of(run), "test", by="any").before
    assert [one.get("column") for one in lines] == [None, "ward", "sex"]


def test_evl_10_data_that_are_prepared_otherwise_than_for_the_model_are_refused(run):
    path = run.path.parent / "data.csv"
    assert tw.evaluate(run.path)["metric"]["value"] == pytest.approx(run.results["metric"]["value"])
    before = path.read_text()
    head, *lines = before.splitlines()
    path.write_text("\n".join([head, *(f"1{line.lstrip('-')}" for line in lines)]))
    try:
        with expect_refusal("EVALUATE_OTHER_PREPROCESSING", exit_code=4) as caught:
            tw.evaluate(run.path)
    finally:
        path.write_text(before)
    assert caught.value.details["model"] == caught.value.details["here"] == tw.__version__


def test_a_method_is_called_by_the_model_that_it_is_of(numbers, logistic, bayes):
    assert tw.evaluate(logistic.predict, numbers)["model"] == "LogisticRegression"
    assert tw.evaluate(bayes.predict_proba, numbers)["model"] == "GaussianNB"
