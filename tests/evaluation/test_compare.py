"""A net beside baselines: who is the opponent, what is said, and what costs no more than it may."""

import dataclasses
import json

import pytest
import torch

from tests.evaluation.arrays import classes, task_of, values
from thalweg.core import registry
from thalweg.core.talk import Talk
from thalweg.evaluation.compare import Rival, compare, concluded
from thalweg.evaluation.evaluate import of_rows
from thalweg.evaluation.opponents import FEW, Field, Opponent, opponents
from thalweg.evaluation.paired import difference
from thalweg.evaluation.training_rows import Training
from thalweg.evaluation.tuning import affordable

VERDICT = {
    "word", "sentence", "opponent", "difference", "low", "high", "margin", "ahead", "p", "mid_p", "needed", "needed_if_real",
    "look", "reason",
}  # fmt: skip


def ignorant(task):
    return lambda **inputs: torch.zeros(len(next(iter(inputs.values()))), task.ports.output.width)


@pytest.fixture(scope="module")
def compared():
    dataset = classes()
    task = task_of("classification", dataset)
    return compare(task, ignorant(task), dataset, budget=8.0)


def test_an_ignorant_net_is_worse_than_a_classical_model(compared):
    assert compared.verdict.word == "worse"
    assert compared.verdict.sentence.startswith("Worse: on these ")
    assert f"Use {next(one.opponent.title for one in compared.rivals if one.opponent.name == compared.verdict.opponent)}" in (
        compared.verdict.sentence
    )


def test_the_facts_are_those_that_were_promised(compared):
    facts = compared.as_json()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert set(facts["verdict"]) == VERDICT
    assert all({"name", "value", "low", "high", "p", "word"} <= set(one) for one in facts["baselines"])


def test_the_trivial_baseline_stands_beside_all_others(compared):
    names = [one.opponent.name for one in compared.rivals]
    assert "trivial" in names
    assert len(names) == len(set(names)) == 8
    assert next(one.opponent.title for one in compared.rivals if one.opponent.name == "trivial").startswith("always")


def test_the_best_value_comes_first(compared):
    shown = [one.evaluation.value for one in compared.rivals]
    assert shown == sorted(shown, reverse=True)


def test_regression_is_compared_in_the_targets_unit():
    dataset = values()
    task = task_of("regression", dataset)
    found = compare(task, ignorant(task), dataset, budget=6.0)
    assert found.verdict.word == "worse"
    best = found.as_json()["baselines"][0]
    assert best["value"] == pytest.approx(1.0, abs=0.4)  # the noise of the data


def test_where_validation_rows_are_few_all_opponents_are_judged_by_folds_too():
    dataset = classes()
    task = task_of("classification", dataset)
    found = opponents(task, dataset, headline="accuracy", seed=0, budget=60.0, talk=Talk())
    assert all(one.few == dataset.rows("validation") < FEW and one.folded is not None for one in found.opponents)
    best = found.best(1.0)
    assert best.promise == max(one.promise for one in found.opponents)
    share = best.few / (best.few + best.rows)
    assert best.promise == pytest.approx(share * best.validation + (1 - share) * best.folded)


def test_luck_on_few_validation_rows_chooses_no_opponent_and_many_choose_alone():
    lucky, steady, unfolded = Opponent("a", "a", None, 1.0), Opponent("b", "b", None, 0.8), Opponent("c", "c", None, 1.0, few=5)
    few = [dataclasses.replace(one, folded=value, rows=190, few=5) for one, value in ((lucky, 0.6), (steady, 0.9))]
    assert Field([unfolded, *few]).best(1.0) is few[1]
    many = [dataclasses.replace(one, few=0) for one in few]
    assert Field(many).best(1.0) is many[0]
    assert (few[1].basis, many[0].basis) == ("folds and validation", "validation")
    assert Field([]).best(1.0) is None


def test_without_time_only_the_trivial_baseline_is_fitted_and_that_is_said():
    dataset = classes()
    task = task_of("classification", dataset)
    found = opponents(task, dataset, headline="accuracy", seed=0, budget=0.0, talk=Talk())
    assert [one.name for one in found.opponents] == ["trivial"]
    assert all("was not fitted" in note for note in found.notes)
    assert len(found.notes) == 7


def test_slow_baselines_are_fitted_on_fewer_rows():
    dataset = classes(2400)
    training = Training.of(task_of("classification", dataset), dataset, 0)
    assert affordable(training, 0.3, power=1.0, seconds=0.5) == 500
    assert affordable(training, 0.3, power=1.0, seconds=50) == len(training.rows)
    assert affordable(training, 0.3, power=1.0, seconds=0.00095 * len(training.rows)) == len(training.rows)


def test_without_a_baseline_there_is_no_verdict_but_a_reason(monkeypatch):
    dataset = classes()
    task = task_of("classification", dataset)
    monkeypatch.setattr(type(task), "trivial", lambda self, batches: None)
    monkeypatch.setattr("thalweg.evaluation.opponents._fitting", lambda task: [])
    facts = compare(task, ignorant(task), dataset).as_json()
    assert facts["verdict"] is None
    assert facts["verdict_reason"] == "this task has no baseline"


def test_a_huge_error_of_one_example_has_the_mean_absolute_error_told_beside():
    metrics = {name: registry.load("metric", name)(registry.settings_of("metric", name)) for name in ("rmse", "mae")}
    truth = torch.zeros(200, dtype=torch.float64)
    answers = [torch.linspace(-1, 1, 200).double() * scale for scale in (1.0, 1.1)]
    answers[1][0] = 60.0
    net, other = (
        of_rows(metrics, {name: one.rows(some, truth) for name, one in metrics.items()}, part="test") for some in answers
    )
    opponent = Opponent("ridge", "ridge", None, 1.0)
    rival = Rival(opponent, other, difference(metrics["rmse"], net.rows["rmse"], other.rows["rmse"]))
    told = concluded(net, [rival], opponent, margin=0.02, look=1, notes=[]).verdict
    assert told.sentence.endswith(
        "A few examples decide this; the mean absolute error of the net is 0.503, that of ridge 0.847."
    )
