"""The word, the number of examples that would settle it, and the sentences."""

import dataclasses

import pytest
import torch

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.evaluation.figures import Unit
from thalweg.evaluation.margin import margin_of
from thalweg.evaluation.paired import Difference, difference
from thalweg.evaluation.verdict import Contest, ahead_of, needed, verdict, word_of


def metric(name: str):
    return registry.load("metric", name)(registry.settings_of("metric", name))


def contest(net: float, opponent: float, *, margin: float = 0.01, name: str = "accuracy") -> Contest:
    return Contest(Unit.of(metric(name)), net, opponent, "gradient-boosting", "gradient boosting", margin)


def found(value: float, low: float, high: float, *, n: int = 2000, **facts) -> Difference:
    return Difference(value, low, high, 0.1, None, n, value, **facts)


@pytest.mark.parametrize(
    ("low", "high", "margin", "word"),
    [
        (0.001, 0.006, 0.01, "equivalent"),
        (0.001, 0.006, 0.0, "better"),
        (-0.012, 0.019, 0.01, "not enough data"),
        (-0.03, -0.004, 0.01, "worse"),
        (0.002, 0.018, 0.01, "better"),
    ],
)
def test_the_word(low, high, margin, word):
    assert word_of(low, high, margin) == word


def test_how_many_examples_would_settle_it():
    assert needed(-0.012, 0.019, margin=0.01, n=1000) == 7208
    assert needed(-0.012, 0.019, margin=0.0, n=1000) is None


def test_who_is_ahead_does_not_depend_on_the_margin():
    assert (ahead_of(0.001, 0.006), ahead_of(-0.006, -0.001), ahead_of(-1, 1)) == ("net", "opponent", "neither")


def test_a_net_that_is_better_says_by_how_much():
    said = verdict(contest(0.91, 0.90), found(0.01, 0.002, 0.018)).sentence
    assert said == (
        "Better: on these 2,000 examples the net is right in 91.0 %, gradient boosting in 90.0 %: "
        "ahead by 1.0 points, plausibly 0.2 to 1.8."
    )


def test_a_net_that_is_worse_names_what_to_use():
    said = verdict(contest(0.883, 0.90), found(-0.017, -0.030, -0.004)).sentence
    assert said.endswith("behind by 1.7 points (0.4 to 3.0). Use gradient boosting.")


def test_equivalent_recommends_the_simpler():
    result = verdict(contest(0.90, 0.899), found(0.001, -0.007, 0.009))
    assert result.word == "equivalent"
    assert result.sentence.endswith(
        "They differ by at most 0.9 points, less than the 1 point that counts. Use gradient boosting, it is simpler."
    )


def test_not_enough_data_says_how_much_would_do():
    result = verdict(contest(0.9035, 0.90), found(0.0035, -0.012, 0.019, n=1000))
    assert (result.word, result.needed) == ("not enough data", 7208)
    assert result.sentence == (
        "Not enough data: against gradient boosting the truth may lie between 1.2 points worse and 1.9 better. "
        "About 7,200 test examples would settle it; you have 1,000."
    )


@pytest.mark.parametrize(("wrong", "said"), [([], True), ([3], True), ([3, 4], False)])
def test_of_two_that_do_the_same_it_is_said_which_difference_counts(wrong, said):
    net, other = torch.ones(150, 2), torch.ones(150, 2)
    net[wrong, 0], other[wrong[:1], 0] = 0, 0
    judged = difference(metric("accuracy"), net, other)
    told = verdict(contest(1.0, 1.0, margin=0.001), judged).sentence
    counts = "Neither is ahead in a single one of these; a difference counts as none below 0.1 points (other: --margin). About "
    assert (counts in told) == said
    assert counts not in verdict(contest(1.0, 1.0, margin=0.0), judged).sentence


def test_a_difference_as_large_as_it_looks_is_settled_by_fewer():
    result = verdict(contest(0.93, 0.90), found(0.03, -0.012, 0.072, n=1000))
    assert (result.needed, result.needed_if_real) == (52920, 3999)
    assert result.sentence.endswith(
        "About 53,000 test examples would settle it, or about 4,000 if the difference is as large as it looks; you have 1,000."
    )


def test_the_sentence_tells_how_the_opponent_was_chosen():
    chosen = dataclasses.replace(contest(0.91, 0.90), chosen="the best on validation")
    assert "gradient boosting (the best on validation) in 90.0 %" in verdict(chosen, found(0.01, 0.002, 0.018, n=2000)).sentence


def test_a_forced_word_says_why():
    result = verdict(contest(0.9, 0.5), found(0.4, 0.2, 0.6, n=12, reason="12 examples are too few"))
    assert (result.word, result.reason) == ("not enough data", "12 examples are too few")


def test_losses_are_said_in_their_own_unit():
    said = verdict(contest(0.517, 0.692, name="log-loss"), found(0.175, 0.05, 0.3, n=200)).sentence
    assert said == (
        "Better: on these 200 examples the net's log loss is 0.52, that of gradient boosting 0.69: "
        "ahead by 0.17, plausibly 0.05 to 0.30."
    )


@pytest.mark.parametrize(
    ("name", "value", "margin"),
    [
        ("accuracy", 0.90, 0.01),
        ("accuracy", 0.98, 0.004),
        ("accuracy", 0.999, 0.001),
        ("r2", 0.5, 0.01),
        ("rmse", 3.0, 0.06),
        ("log-loss", 0.5, 0.01),
        ("token-error-rate", 0.05, 0.005),
        ("mean-return", -200.0, 10.0),
    ],
)
def test_the_margin_when_none_is_given(name, value, margin):
    assert margin_of(metric(name), value) == pytest.approx(margin)


def test_a_margin_is_given_in_the_metrics_unit_or_as_a_share():
    assert margin_of(metric("rmse"), 3.0, "0.5") == 0.5
    assert margin_of(metric("rmse"), 3.0, "2 %") == pytest.approx(0.06)


@pytest.mark.parametrize("given", ["wide", "-0.1", "nan", "%"])
def test_what_is_no_margin_is_refused(given):
    with pytest.raises(UsageRefusal, match="margin"):
        margin_of(metric("rmse"), 3.0, given)


def test_a_net_that_is_no_better_than_the_trivial_answer_has_learned_nothing():
    judged = Contest(Unit.of(metric("accuracy")), 0.3, 0.5, "trivial", "the trivial answer", 0.01)
    said = verdict(judged, found(-0.2, -0.3, -0.1)).sentence
    assert said.endswith("It has learned nothing of use yet.")


def test_where_a_few_examples_decide_both_are_told_by_a_metric_that_these_move_less():
    few = found(0.175, 0.05, 0.3, n=200, concentrated=True)
    assert verdict(contest(0.517, 0.692, name="rmse"), few).sentence.endswith(" A few examples decide this.")
    beside = dataclasses.replace(contest(0.517, 0.692, name="rmse"), robust="the MAE of the net is 0.3")
    assert verdict(beside, few).sentence.endswith(" A few examples decide this; the MAE of the net is 0.3.")


def test_what_would_settle_it_is_no_test_part_where_all_examples_were_judged():
    said = verdict(dataclasses.replace(contest(0.9, 0.9), whole=True), found(0.0, -0.012, 0.019, n=1000)).sentence
    assert "About 7,200 examples would settle it; you have 1,000." in said
