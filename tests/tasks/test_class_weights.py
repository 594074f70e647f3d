"""Weights of classes that came of a division by nothing are refused by the class's name."""

import math

import pytest
import torch

from tests.cli.running import Line
from tests.refusing import expect_refusal
from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.verbs.train import train

LOSSES = [name for name, part in registry.parts("loss").items() if part.facts.get("by_class") == "class_weights"]


def weighted(*weights, name="cross-entropy"):
    return {"name": "classification", "loss": {"name": name, "class_weights": list(weights)}}


def test_every_loss_with_weights_of_classes_says_so():
    holding = [
        name
        for name in registry.names("loss")
        if "class_weights" in registry.load("loss", name).declaration.settings.model_fields
    ]
    assert sorted(LOSSES) == sorted(holding)


@pytest.mark.parametrize("weight", [math.inf, math.nan])
@pytest.mark.parametrize("name", LOSSES)
def test_num_14_a_class_weight_that_is_no_number_is_refused_by_the_classs_name(name, weight, tmp_path):
    with expect_refusal("CLASS_WEIGHT_NOT_FINITE", exit_code=3) as caught:
        train("iris", task=weighted(1.0, weight, 1.0, name=name), epochs=1, out=tmp_path / "run")
    assert f'the weight of class "versicolor" is {weight}' in caught.value.what
    assert not (tmp_path / "run").exists()


def test_num_14_on_the_command_line_too(capsys, tmp_path):
    told = Line(capsys).refused(3, "train", "iris", "--set", "task.loss.class_weights=[1,nan,1]", "--out", tmp_path / "run")
    assert told["code"] == "CLASS_WEIGHT_NOT_FINITE"
    assert "versicolor" in told["what"]


def test_num_14_a_weight_of_zero_takes_a_class_out_and_leaves_all_finite(tmp_path):
    run = train("iris", task=weighted(1.0, 0.0, 1.0), epochs=2, batch_size=4, compare=False, out=tmp_path / "run")
    weights = run.package.model.state_dict().values()
    assert all(bool(torch.isfinite(one).all()) for one in weights if one.is_floating_point())


@pytest.mark.parametrize("weight", [math.inf, math.nan])
def test_a_loss_by_itself_refuses_them_by_their_place(weight):
    with pytest.raises(UsageRefusal, match=r"class_weights\.1"):
        registry.load("loss", "cross-entropy")(registry.settings_of("loss", "cross-entropy", {"class_weights": (1.0, weight)}))


def test_weights_of_labels_are_refused_by_the_labels_name(tmp_path):
    task = {"name": "multi-label", "loss": {"name": "binary-cross-entropy", "positive_weights": [1.0, math.inf]}}
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0)).numpy()
    tags = [["red"] if row[0] > 0 else ["blue"] if row[1] > 0 else ["red", "blue"] for row in x]
    with expect_refusal("CLASS_WEIGHT_NOT_FINITE", exit_code=3) as caught:
        train({"a": x[:, 0], "b": x[:, 1], "tags": tags}, target="tags", task=task, epochs=1, out=tmp_path / "run")
    assert 'class "' in caught.value.what
