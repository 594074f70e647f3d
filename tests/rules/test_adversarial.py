"""Adversarial play makes digits of the class that is named, judged by a classifier of real ones."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.errors import UsageRefusal

SETTINGS = {"source": "digits", "task": "conditional-synthesis", "evaluate_every": 300}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return fitted({**SETTINGS, "rule": {"steps": 900}}, tmp_path_factory.mktemp("digits") / "run")


@pytest.fixture(scope="module")
def made(trained):
    return trained.package.predict(None, request={"samples": 500})


def test_what_was_chosen_is_the_generator_of_the_task_and_its_rule(trained):
    assert trained.package.named["name"] == "mlp-generator"
    assert trained.reasons["rule"] == "how this task is learned"


def test_a_judge_of_real_digits_recognises_what_was_asked_for(made):
    digits = load_digits()
    judge = LogisticRegression(max_iter=500).fit(digits.data, digits.target)
    said = judge.predict(made["image"].reshape(500, -1) * (16 / 255))
    assert (said == made["class"].astype(int)).mean() >= 0.85


def test_digits_of_a_class_differ_from_each_other(made):
    digits = load_digits()
    of_made = np.mean([(made["image"][made["class"] == str(digit)] / 255).std(axis=0).mean() for digit in range(10)])
    of_real = np.mean([(digits.images[digits.target == digit] / 16).std(axis=0).mean() for digit in range(10)])
    assert 0.5 * of_real < of_made < 1.2 * of_real


def test_made_and_real_digits_are_nearer_than_means_of_classes_are(trained):
    first, *_, last = (line["validation.energy-distance"] for line in trained.history)
    assert last < 0.6 * first
    assert last < 0.35


def test_a_digit_is_made_by_its_name_as_bytes(trained):
    said = trained.package.predict(None, request={"samples": 16, "condition": 3})
    assert said["image"].shape == (16, 8, 8)
    assert said["image"].dtype == np.uint8
    assert said["class"].tolist() == ["3"] * 16
    assert len(np.unique(said["image"], axis=0)) == 16


def test_a_class_that_was_not_learned_is_refused_with_those_that_were(trained):
    with pytest.raises(UsageRefusal, match='no class "12"') as refused:
        trained.package.predict(None, request={"samples": 1, "condition": 12})
    assert "0, 1, 2, 3" in refused.value.fix


def test_classes_may_be_given_as_a_column_and_a_new_process_makes_the_same(trained):
    said = assert_new_process_predicts_the_same(trained, trained.folder.model, {"class": ["7", "1", "7"]}, seed=3)
    assert said["class"].tolist() == ["7", "1", "7"]
    assert_new_process_predicts_the_same(trained, trained.folder.model, None, {"samples": 4, "condition": "5"})


def test_both_players_and_the_average_resume_to_the_same_bits(tmp_path):
    short = {**SETTINGS, "evaluate_every": 4, "rule": {"steps": 9, "accumulate": 2}}
    assert_resumes_to_the_same_bits(short, tmp_path, cuts=(0, 1, 4, 6, 8))
