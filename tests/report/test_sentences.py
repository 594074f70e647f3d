"""The sentences that the page makes of figures."""

import pytest

from tests.report.runs import LOSS, UNIT, baseline, confusion, results, told_apart, worth
from thalweg.evaluation.figures import Unit, short, written
from thalweg.report.charts import ticks
from thalweg.report.data_section import rows_sentence
from thalweg.report.importance_section import importance_caption, importance_said
from thalweg.report.ranking_sentences import calibration_said, doubt, precision_said, roc_said
from thalweg.report.sentences import calibrated, confused, duration, erred, heading, lead, learned, share_words

ACCURACY, RMSE = Unit(**UNIT), Unit(**LOSS)


def judged(word: str, **changed):
    found = results()
    return found | {"verdict": {**found["verdict"], "word": word, **changed}}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("better", "Better than gradient boosting: 87.4 % right against 87.1 %."),
        ("worse", "Worse than gradient boosting: 87.4 % right against 87.1 %."),
        ("equivalent", "Equivalent to gradient boosting: 87.4 % right against 87.1 %, within 0.7 points either way."),
        ("not enough data", "Not enough data to tell it from gradient boosting: 87.4 % right against 87.1 %."),
    ],
)
def test_the_heading_says_the_result(word, said):
    assert " ".join(heading(judged(word), ACCURACY)) == said


def test_the_lead_counts_examples():
    assert lead(results(), ACCURACY) == (
        "On 9,768 examples that neither has seen, the net is right for 25 more of them than gradient boosting. "
        "In truth the net may lie between −0.2 and +0.7 points from it (paired difference, 95 % interval, p = .31); "
        "that is inside the margin of 1 point that was set before. Use gradient boosting, it is simpler."
    )


def test_the_lead_says_how_much_data_would_settle_it():
    said = lead(judged("not enough data", needed=28541), ACCURACY)
    assert said.endswith("About 29,000 test examples would settle it; you have 9,768.")
    said = lead(judged("not enough data", needed=5_000_000, needed_if_real=20_400), ACCURACY)
    perhaps = "or about 20,000 if the difference is as large as it looks; you have 9,768."
    assert said.endswith(f"Over a million test examples would settle it, {perhaps}")


def test_a_forced_word_is_explained():
    assert "That decides nothing yet: 12 examples are too few." in lead(
        judged("not enough data", reason="12 examples are too few"), ACCURACY
    )


def test_losses_are_said_in_their_own_unit():
    found = judged("worse", difference=-0.28, low=-0.44, high=-0.12, margin=0.05)
    found |= {
        "metric": {"name": "rmse", "value": 3.4, "low": 3.1, "high": 3.8},
        "baselines": [baseline("gradient-boosting", 3.12)],
    }
    assert " ".join(heading(found, RMSE)) == "Worse than gradient boosting: RMSE 3.40 against 3.12."
    assert lead(found, RMSE).startswith(
        "On 9,768 examples that neither has seen, the RMSE of the net is 0.28 worse than that of gradient boosting."
    )


def test_a_run_without_opponents_says_its_own_value():
    alone = results(verdict=None, baselines=[], verdict_reason="this task has no baseline")
    assert heading(alone, ACCURACY) == ("87.4 %", "right.")
    assert lead(alone, ACCURACY) == "There is nothing to compare it with: this task has no baseline."


def test_what_a_validation_curve_came_to():
    def said(values, kept=True):
        return learned(values, [1.0, 2.0, 3.0], higher=True, kept=kept, axis="epoch")

    assert said([0.1, 0.3, 0.2]) == "It was at its best at epoch 2; those weights were kept."
    assert said([0.1, 0.2, 0.3]) == "It was at its best at the end, epoch 3: longer training may help."
    assert said([0.1, 0.3, 0.3]) == (
        "It was at its best 2 times, first at epoch 2, last at epoch 3; the weights of epoch 3 were kept."
    )
    assert said([0.3, 0.1, 0.3], kept=False).endswith(
        "first at epoch 1, last at epoch 3; the last weights were kept all the same."
    )
    assert said([0.1, 0.3, 0.2], kept=False).endswith("the last weights were kept all the same.")


def bins(predicted, observed, n=400):
    return [{"predicted": predicted, "observed": observed, "low": observed - 0.05, "high": observed + 0.05, "n": n}]


def test_whether_confidence_can_be_taken_at_its_word():
    assert calibrated(bins(0.9, 0.7), None) == "It is surer than it is right, by 20.0 points on average."
    assert calibrated(bins(0.7, 0.9), None) == "It is right more often than it is sure, by 20.0 points on average."
    assert calibrated(bins(0.9, 0.7), "yes") == "It expects “yes” 20.0 points too often on average."
    assert "what comes true agree, as far as 400 examples can tell" in calibrated(bins(0.81, 0.8), None)


def test_what_is_confused():
    pairs = [{"true": "yes", "said": "no", "count": 8, "of": 24}, {"true": "no", "said": "yes", "count": 4, "of": 76}]
    two = {"pairs": pairs, "number_of_classes": 2}
    assert confused(two, {"of": 100}) == "It misses a third of “yes” and one in 19 of “no”."
    assert confused(two | {"number_of_classes": 5}, {"of": 100}) == "Most often it takes “yes” for “no”: 8 of 24 times."
    assert confused({"pairs": []}, {"of": 30}) == "It made no mistake on these 30 examples."


@pytest.mark.parametrize(
    ("count", "of", "words"),
    [
        (1, 2, "half"),
        (1, 3, "a third"),
        (25, 100, "a quarter"),
        (1, 19, "one in 19"),
        (1, 7, "one in seven"),
        (62, 100, "62 %"),
        (27, 27, "all"),
    ],
)
def test_shares_in_words(count, of, words):
    assert share_words(count, of) == words


def test_deviations_and_times():
    assert erred({"low": -78.5, "middle": 0.0, "high": 93.5}) == (
        "Nine in ten predictions lie between 78.5 below and 93.5 above the truth."
    )
    assert [duration(one) for one in (0.82, 59.2, 88, 7500)] == ["0.8 s", "59 s", "1 min 28 s", "2 h 5 min"]


def test_rows_by_what_they_were_for():
    assert rows_sentence({"train": 600, "validation": 100, "calibration": 0, "test": 200}) == (
        "900 rows: 600 trained it, 100 chose settings and when to stop and 200 judged it."
    )
    assert rows_sentence({"train": None, "test": 1024}, counted="episodes").startswith(
        "Training episodes were drawn without end; of the others, "
    )


def test_no_sentence_says_that_something_was_calibrated():
    assert "confidence" not in rows_sentence({"train": 600, "calibration": 100, "test": 200})
    assert "100 were set aside for later (calibration)" in rows_sentence({"train": 600, "calibration": 100, "test": 200})


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ("none", "On 9,768 examples that neither has seen, "),
        ("some", "On 9,768 examples kept out of training, "),
        ("all", "On 9,768 examples of which each has its like in training, "),
    ],
)
def test_the_lead_claims_no_more_of_the_test_part_than_is_true(seen, said):
    assert lead(results(seen=seen), ACCURACY).startswith(said)


def test_episodes_are_called_episodes():
    assert lead(results(counted="episodes"), ACCURACY).startswith("On 9,768 episodes that neither has seen, ")


def test_numbers_have_a_real_minus_and_no_negative_zero():
    assert written(-1234.56, 1) == "−1,234.6"
    assert written(-0.001, 1) == "0.0"


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.86, 0.99), (46.3, 80.7), (-0.3, 0.2), (1e-6, 3e-6)])
def test_ticks_are_few_round_and_inside(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    assert low - 1e-9 <= found[0] <= found[-1] <= high + 1e-9


def test_how_well_a_class_is_told_from_the_other():
    one = told_apart("yes")
    assert roc_said([one], one) == (
        "Of one “yes” and one other it gives “yes” the higher score in 90 of 100 cases (area under ROC 0.900, 95 % interval "
        "0.880 – 0.920). Where it decides, it finds 70 % of “yes” and calls 6 % of the others so."
    )
    assert precision_said([one], one) == (
        "Of those that it calls “yes”, 80 % are (75 – 85); so it finds 70 % of them (average precision 0.800, 95 % interval "
        "0.750 – 0.850; by chance 0.260)."
    )
    silent = one | {"decides": one["decides"] | {"precision": None}}
    assert precision_said([silent], silent).startswith("It never calls anything “yes” (average precision")


def test_a_calibration_error_is_held_against_what_chance_shows():
    found = confusion("no", "yes")["calibration"]
    more = "more than the 4.0 points that chance shows on so many examples, so its word is to be taken with care."
    assert calibration_said(found)[1].endswith(f"10.0 points apart (calibration error, 95 % interval 5.0 – 20.0); {more}")
    within = found | {"error": found["error"] | {"chance": 0.12}}
    assert calibration_said(within)[1].endswith("chance alone shows up to 12.0 points on so many examples, so nothing speaks "
                                                "against its word.")  # fmt: skip


def test_a_calibration_error_of_next_to_nothing_is_not_told_as_nothing():
    none = {"value": 2e-6, "low": 1e-6, "high": 4e-6}
    for chance in (1e-6, 3e-6):
        found = confusion("no", "yes")["calibration"] | {"error": none | {"chance": chance}}
        assert doubt(found) == ""
        assert calibration_said(found)[1] == (
            "How sure it is and how often it is right lie less than 0.1 points apart (calibration error); "
            "chance alone may show as much on so many examples, so nothing speaks against its word."
        )


def test_what_a_model_relies_on():
    found = worth(income=0.051, age=0.03, sex=0.02, town=0.015, hair=0.012, shoes=0.004, eyes=-0.002)
    assert importance_said(found, ACCURACY) == [
        "It relies most on income: shuffling it costs 5.1 points of accuracy (95 % interval 4.1 – 6.1).",
        "Then come age, sex, town and 1 more.",
        "The other 2 columns cannot be told from none on these rows. "
        "Where two columns say the same, each hides the other’s worth.",
    ]
    assert importance_said(worth(age=0.004), ACCURACY)[0].startswith("On 800 rows no single column can be told from none")
    assert importance_said(worth(age=0.4), RMSE)[0].startswith("It relies most on age: shuffling it adds 0.400 to the RMSE")
    assert importance_caption(found, ACCURACY).startswith(
        "Points of accuracy lost when one column is shuffled, the mean of 5 times"
    )


def test_more_than_nothing_is_not_written_as_nothing():
    assert (RMSE.value(2e-7, 1e-7), RMSE.range(1e-7, 3e-7)) == ("under 0.000001", "under 0.000001")
    assert (ACCURACY.value(1e-7, 1e-8), RMSE.range(1e-7, 8e-7)) == ("under 0.001 %", "under 0.000001 – 0.000001")
    assert (RMSE.value(0.0, 1e-7), RMSE.value(1e-7, 0.2)) == ("0.000000", "0.00")


def test_short_numbers_have_no_exponent():
    assert [short(one) for one in (13089.6, 0.3333333, -5.0)] == ["13,090", "0.3333", "−5"]
    assert RMSE.margin(100.0) == "100"
    assert ACCURACY.margin(0.01) == "1 point"
