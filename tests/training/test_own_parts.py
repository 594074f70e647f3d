"""Runs with the user's own parts: what their files tell, and how they are opened and repeated."""

import pytest
import torch
import yaml
from torch import nn

import thalweg as tw
from thalweg.core.errors import UsageRefusal
from thalweg.training.own_parts import given_again


class Twin(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tw.train("iris", model=Twin(), epochs=3, compare=False, out=tmp_path_factory.mktemp("own") / "run")


def written(run):
    return yaml.safe_load((run.path / "settings.yaml").read_text())


def test_an_own_model_is_not_told_as_a_part_that_could_be_named(run):
    assert written(run)["own"] == {"model": "Twin"}
    assert "model" not in written(run)["chosen"]


def test_the_card_gives_the_own_model_when_it_loads(run):
    assert "tw.load('.', model=Twin(...))" in (run.path / "model" / "README.md").read_text()


def test_a_run_with_an_own_model_is_evaluated_when_it_is_given_again(run):
    found = tw.evaluate(tw.load(run.path, model=Twin()))
    assert found["metric"]["value"] == run.results["metric"]["value"]


def test_its_settings_train_the_same_again_when_the_model_is_given_again(run, tmp_path):
    again = tw.train("iris", model=Twin(), settings=written(run), out=tmp_path / "again")
    assert again.results["metric"] == run.results["metric"]


def test_its_settings_alone_are_refused_instead_of_training_another_model(run, tmp_path):
    with pytest.raises(UsageRefusal) as caught:
        tw.train("iris", settings=written(run), out=tmp_path / "other")
    assert caught.value.code == "OWN_PART_MISSING"
    assert "model=Twin(...)" in caught.value.fix
    assert not (tmp_path / "other").exists()


def test_another_part_may_be_named_in_its_place(run, tmp_path):
    other = tw.train("iris", model="mlp", settings=written(run), out=tmp_path / "named")
    assert other.package.named["name"] == "mlp"


@pytest.mark.parametrize(
    ("sort", "name", "said"),
    [("model", "Twin", "model=Twin(...)"), ("task", "Mine", "task=Mine"), ("loss", "<lambda>", "loss=your_loss")],
)
def test_own_parts_as_python(sort, name, said):
    assert given_again(sort, name) == said
