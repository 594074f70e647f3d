"""Subgroups against the rest: a known answer, who is too few, and what is claimed."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import thalweg as tw
from tests.evaluation.arrays import values
from tests.refusing import expect_refusal
from thalweg.core import registry
from thalweg.evaluation.evaluate import of_rows
from thalweg.evaluation.subgroups import column_of, subgroups


def metric(name):
    return registry.load("metric", name)(registry.settings_of("metric", name))


def judged(right, groups=None):
    rows = torch.stack([torch.as_tensor(right, dtype=torch.float64), torch.ones(len(right), dtype=torch.float64)], dim=1)
    return of_rows({"accuracy": metric("accuracy")}, {"accuracy": rows}, part="test", groups=groups)


def errors(*counts):
    """1 where an example is right; `(wrong, of)` for each stretch of examples."""
    return np.concatenate([np.arange(of) >= wrong for wrong, of in counts]).astype(float)


def four(first=(12, 40)):
    right = errors(first, (10, 100), (10, 100), (10, 100))
    return right, ["b"] * first[1] + ["a"] * 100 + ["c"] * 100 + ["d"] * 100


def test_a_gap_is_claimed_where_the_interval_that_four_claims_pay_for_lies_off_0():
    right, names = four()
    found = {one["name"]: one for one in subgroups(judged(right), names, "ward")["subgroups"]}
    one = found["b"]  # error rates 12/40 and 30/300
    assert one["difference"] == pytest.approx(-0.2)
    assert (-one["difference_high"], -one["difference_low"]) == pytest.approx((0.030226, 0.411662), abs=2e-6)
    assert [name for name, one in found.items() if one["gap"]] == ["b"]
    assert (one["rows"], one["rest"]) == (40, pytest.approx(0.9))


def test_what_is_claimed_is_said_in_words_and_the_level_beside_it():
    right, names = four()
    told = subgroups(judged(right), names, "ward")
    assert told["level"] == pytest.approx(1 - 0.05 / 4)
    assert told["sentence"] == "ward = b: worse than the rest by 20.0 points (3.0 to 41.2)."
    same = subgroups(judged(errors((10, 100), (10, 100))), ["a"] * 100 + ["b"] * 100, "ward")
    assert same["sentence"] == "No subgroup of ward is shown to differ from the rest, which is no proof that none does."


def test_a_subgroup_of_fewer_than_30_is_named_and_pays_nothing():
    right, names = four(first=(12, 29))
    told = subgroups(judged(right), names, "ward")
    assert [one["name"] for one in told["left_out"]] == ["b"]
    assert told["left_out"][0]["reason"] == "29 examples are too few; 30 are the least"
    assert told["level"] == pytest.approx(1 - 0.05 / 3)
    assert told["sentence"].endswith("1 subgroup is too small to judge.")


def test_groups_are_the_units_within_a_subgroup_too():
    right, names = four()
    alone, grouped = (subgroups(judged(right, groups), names, "ward") for groups in (None, torch.arange(340) // 4))
    width = [one["subgroups"][1]["difference_high"] - one["subgroups"][1]["difference_low"] for one in (alone, grouped)]
    assert width[1] > width[0]
    few = subgroups(judged(right, torch.arange(340) // 30), names, "ward")["left_out"]
    assert {one["name"]: one["reason"] for one in few}["b"] == "2 groups are too few; 5 are the least"


def test_losses_are_negated_and_numbers_of_many_values_are_cut_into_quarters():
    rmse = metric("rmse")
    error = torch.where(torch.arange(400) < 100, 3.0, 1.0).double() * torch.linspace(0.5, 1.5, 400).double()
    rows = rmse.rows(error, torch.zeros(400, dtype=torch.float64))
    age = np.where(np.arange(400) % 50 == 49, np.nan, np.arange(400.0))
    told = subgroups(of_rows({"rmse": rmse}, {"rmse": rows}, part="test"), age, "age")
    first = told["subgroups"][0]
    assert first["name"].startswith("0 to ")
    assert first["value"] > first["rest"]
    assert first["difference"] < 0
    assert len(told["subgroups"]) == 4
    assert told["left_out"][0]["name"] == "no value"


def test_dates_are_cut_into_quarters_named_by_their_days():
    days = np.datetime64("2024-01-01T09:30") + np.arange(340).astype("timedelta64[D]")
    told = subgroups(judged(four()[0]), days, "day")["subgroups"]
    assert [one["name"] for one in told][::3] == ["2024-01-01 to 2024-03-25", "2024-09-12 to 2024-12-05"]


def test_a_ranking_needs_five_of_either_class_on_either_side():
    auc = metric("auc")
    truth = (np.arange(200) % 2).astype(int)
    truth[:40] = (np.arange(40) < 4).astype(int)
    scores = torch.linspace(0, 1, 200).double()
    rows = auc.rows(scores, torch.from_numpy(truth))
    told = subgroups(of_rows({"auc": auc}, {"auc": rows}, part="test"), ["a"] * 40 + ["b"] * 80 + ["c"] * 80, "ward")
    assert told["left_out"][0]["name"] == "a"
    assert "4 examples" in told["left_out"][0]["reason"]


def test_a_column_that_is_not_there_is_refused_with_the_nearest():
    with expect_refusal("FIELD_UNKNOWN", exit_code=2):
        column_of(values(), "aa")


def test_models_of_any_make_are_held_by_a_column_of_their_inputs_or_by_values_given():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 2))
    y = (x[:, 0] + 0.3 * generator.normal(size=300) > 0).astype(int)
    model = LogisticRegression().fit(x, y)
    ward = np.where(np.arange(300) < 100, "north", "south")
    told = tw.evaluate(model, (x, y), by=ward)["by"]
    assert [one["name"] for one in told["subgroups"]] == ["north", "south"]
    with expect_refusal("FIELD_UNKNOWN", exit_code=2):
        tw.evaluate(model, (x, y), by="ward")
    with expect_refusal("DATA_LENGTHS", exit_code=3):
        tw.evaluate(model, (x, y), by=ward[:10])
