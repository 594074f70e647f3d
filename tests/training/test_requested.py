"""What a user gives wins, by whatever name it is given, and what a part cannot take is told by that name."""

import numpy as np
import pytest

import thalweg as tw
from tests.refusing import expect_refusal
from thalweg.cli.flags import Flag
from thalweg.cli.train import VERB
from thalweg.core.errors import UsageRefusal
from thalweg.core.settings import Choice
from thalweg.training.options import TrainOptions
from thalweg.training.plan import choose_rule
from thalweg.training.requested import OPTIONS, asked_by_options, merged, run_settings, settings_of_part
from thalweg.training.settings import RunSettings

RECIPE = {"recipe": {"steps": 40, "rate": 0.01}}


def rule_of(given, facts=RECIPE):
    return dict(choose_rule(RunSettings(rule=Choice(settings=given)), facts, {}).choice.settings)


def test_epochs_that_are_given_win_over_the_steps_of_a_recipe():
    assert rule_of({"epochs": 3}) == {"rate": 0.01, "epochs": 3}
    assert rule_of({}) == {"steps": 40, "rate": 0.01}
    assert rule_of({"epochs": None}) == {"steps": 40, "rate": 0.01, "epochs": None}


def test_steps_that_are_given_win_over_the_epochs_of_a_recipe():
    assert rule_of({"steps": 7}, {"recipe": {"epochs": 40}}) == {"steps": 7}


def test_a_later_length_replaces_an_earlier_one_in_the_other_unit():
    written = {"rule": {"name": "", "settings": {"steps": 20, "rate": 0.1}}}
    rule = run_settings(merged(written, {"rule": {"epochs": 2}})).rule
    assert rule.settings == {"rate": 0.1, "epochs": 2}
    assert merged({"rule": {"epochs": 9}}, {"rule": {"steps": 2}}) == {"rule": {"steps": 2}}


def test_two_lengths_at_once_are_refused_in_settings_too():
    with pytest.raises(UsageRefusal, match="both say how long") as caught:
        run_settings({"rule": {"epochs": 3, "steps": 4}})
    assert caught.value.code == "SETTINGS_CONFLICT"


@pytest.mark.parametrize(
    ("rule", "takes"), [("hebbian", "takes no settings"), ("perceptron", "takes epochs, steps, batch_size, averaged")]
)
def test_a_rule_without_a_rate_says_what_it_takes_instead(rule, takes):
    with pytest.raises(UsageRefusal) as caught:
        settings_of_part("rule", rule, {"rate": 0.1})
    assert f"the rule {rule} has no rate (--lr)" in caught.value.what
    assert takes in caught.value.what
    assert "leave --lr out" in caught.value.fix


def test_the_same_is_said_where_the_model_chose_the_rule(tmp_path):
    patterns = np.sign(np.random.default_rng(0).normal(size=(12, 16))).astype(np.float32)
    with pytest.raises(UsageRefusal, match="--lr"):
        tw.train({"pattern": patterns}, model="hopfield", lr=0.1, out=tmp_path / "run", compare=False)


@pytest.mark.parametrize("source", ["two-moons", "damped-oscillator"])
def test_epochs_of_what_is_drawn_without_end_are_refused(source, tmp_path):
    with pytest.raises(UsageRefusal, match="drawn anew") as caught:
        tw.train(source, epochs=2, out=tmp_path / "run", compare=False)
    assert "--steps" in caught.value.fix


def test_every_flag_that_is_a_setting_is_an_option_of_the_same_meaning_in_python():
    flags = {option.path: option.name for option in VERB.params if isinstance(option, Flag) and option.path}
    by_path = {path: name for name, path in OPTIONS.items()}
    parts = {"task.name", "model.name", "rule.name", "task.loss"}
    assert set(flags) - parts == set(by_path)
    assert {flags[path].removeprefix("no_") for path in by_path} == set(OPTIONS)
    assert set(OPTIONS) | {"resume", "force", "talk"} == set(TrainOptions.__annotations__)


def test_options_reach_the_settings_that_flags_reach():
    given = {"threads": 2, "patience": 3, "augment": "flip", "field": {"zip": "category"}, "ignore": "name", "margin": 0.02}
    settings = run_settings(asked_by_options({**given, "split": (0.7, 0.1, 0.1, 0.1), "compare": False, "header": False}))
    assert (settings.threads, settings.stopping.patience, settings.augment) == (2, 3, ["flip"])
    assert (settings.data.fields, settings.data.ignore) == ({"zip": "category"}, ("name",))
    assert (settings.data.split.train, settings.data.header) == (0.7, False)
    assert (settings.compare, settings.margin) == (False, "0.02")


def test_python_trains_by_the_names_of_the_flags(tmp_path):
    run = tw.train("iris", epochs=1, threads=1, patience=4, compare=False, out=tmp_path / "run")
    assert run.fitted.settings.threads == 1
    assert run.fitted.settings.stopping.patience == 4


def test_a_settings_file_may_be_given_by_its_path(tmp_path):
    (tmp_path / "plan.yaml").write_text("rule: {epochs: 1}\nthreads: 1\ncompare: false\nseed: 6\n")
    run = tw.train("iris", settings=tmp_path / "plan.yaml", out=tmp_path / "run")
    assert run.fitted.settings.seed == 6


@pytest.mark.parametrize(
    ("option", "hint"),
    [("learning_rate", "it is called lr here"), ("no_compare", "say compare=False"), ("thread", 'did you mean "threads"?')],
)
def test_an_option_that_is_called_otherwise_names_the_one_here(option, hint):
    with pytest.raises(UsageRefusal) as caught:
        tw.train("iris", **{option: 1})
    assert hint in caught.value.what


@pytest.mark.parametrize("margin", ["wide", "-0.1", "nan", "100%", "500 %", True])
def test_a_margin_that_is_none_is_refused_before_anything_is_read(margin):
    with pytest.raises(UsageRefusal, match="margin"):
        run_settings({"margin": margin})


def test_a_margin_wider_than_the_metric_is_refused_before_training(tmp_path):
    with pytest.raises(UsageRefusal) as caught:
        tw.train("iris", margin=5, out=tmp_path / "run")
    assert (caught.value.code, caught.value.where) == ("MARGIN_INVALID", "--margin")
    assert "accuracy" in caught.value.what
    assert not (tmp_path / "run").exists()


def test_a_wide_margin_is_meant_where_the_metric_has_no_bounds(tmp_path):
    run = tw.train("diabetes", margin=5, epochs=1, threads=1, compare=False, out=tmp_path / "run")
    assert run.fitted.settings.margin == "5"


@pytest.mark.parametrize("speed", ["fast", "plan.yaml"])
def test_a_speed_that_is_not_there_is_refused(speed):
    with pytest.raises(UsageRefusal, match="no file"):
        run_settings({"speed": speed})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"model": {"name": "mlp", "settings": 3}}, "model.settings"),
        ({"rule": {"settings": "fast"}}, "rule.settings"),
        ({"rule": {"settings": [1]}, "time_limit": "5m"}, "rule.settings"),
        ({"stages": [{"rule": {"settings": 3}}], "time_limit": "1m"}, "stages.0.rule.settings"),
        ({"model": [1], "weights": "resnet18"}, "model"),
        ({"data": "iris", "weights": "resnet18"}, "data"),
        ({"chosen": 1}, "chosen"),
        ({"chosen": {"rule": "backpropagation"}}, "chosen.rule"),
    ],
)
def test_what_must_be_names_with_values_and_is_not_is_refused_by_its_place(given, told):
    with expect_refusal("SETTING_INVALID", exit_code=2) as caught:
        run_settings(given)
    assert f"{told} must hold names with values" in caught.value.what


@pytest.mark.parametrize("key", ["speed", "weights"])
def test_a_name_that_no_file_can_have_is_refused(key):
    with pytest.raises(UsageRefusal):
        run_settings({key: "y" * 5000})


def test_settings_of_a_part_that_are_left_empty_are_none():
    assert run_settings({"model": {"name": "mlp", "settings": None}}).model.settings == {}
