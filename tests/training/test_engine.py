"""What the engine promises of any training: splitting changes nothing, averages, guards, early stops, seeds and precisions."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.training.resuming import assert_resumes_to_the_same_bits, fitted
from thalweg.core import registry
from thalweg.core.errors import TrainingRefusal, UsageRefusal
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.rules._rule import Context, Rule
from thalweg.rules.backpropagation import Backpropagation, BackpropagationSettings
from thalweg.tasks._task import Losses
from thalweg.tasks.classification import Classification, ClassificationSettings
from thalweg.training.loop import Progress, learn
from thalweg.training.stage import Own

SEARCHING = [name for name in registry.names("optimizer") if registry.facts("optimizer", name).get("line_search")]
OPTIMIZERS = [name for name in registry.names("optimizer") if name not in SEARCHING]


class Net(nn.Module):
    """A small net, the same each time."""

    def __init__(self, *, normalised: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 3)
        self.between = nn.Sequential(nn.BatchNorm1d(6) if normalised else nn.Identity(), nn.Dropout(dropout))
        for one in self.parameters():
            one.data = 0.3 * torch.randn(one.shape, generator=generator)

    def forward(self, numbers: Tensor) -> Tensor:
        return self.last(torch.tanh(self.between(self.first(numbers))))


class Weighed(Classification):
    """Classification in which each example counts as much as its first number says."""

    declaration = Classification.declaration

    def objective(self, model, batch: Batch) -> Losses:
        losses = super().objective(model, batch)
        return Losses(losses.loss, 1.0 + batch["numbers"][:, 0].abs())


def rule_on(net: nn.Module, task: type = Classification, *, precision: str = "float32", **settings: Any) -> tuple[Rule, Any]:
    """Backpropagation on iris, with its batches of the training part."""
    dataset = encode(read("iris"), DataSettings(), seed=0).to("cpu", torch.float64 if precision == "float64" else torch.float32)
    task = task(dataset.encodings, ClassificationSettings())
    net = net.double() if precision == "float64" else net
    task.bind(net)
    asked = {"steps": 12, "batch_size": 30, **settings}
    rule = Backpropagation(task, net, BackpropagationSettings.model_validate(asked), Context(precision=precision))
    return rule, rule.batches(dataset)


def trained(rule: Rule, batches: Any, steps: int = 12) -> Rule:
    progress = Progress(Position(total=steps), batches.length)
    rule.begin(batches, progress.position)
    learn(rule, batches, progress, [])
    return rule


def weights_of(model: nn.Module) -> Tensor:
    return torch.cat([one.detach().flatten().double() for one in model.parameters()])


def apart(one: nn.Module, other: nn.Module) -> float:
    ours, theirs = weights_of(one), weights_of(other)
    return float((ours - theirs).norm() / ours.norm())


@pytest.mark.parametrize("parts", [2, 4, 7])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_parts_of_a_batch_one_after_another_are_the_whole_batch(optimizer, parts):
    settings = {"optimizer": optimizer, "precision": "float64"}
    whole = trained(*rule_on(Net(), Weighed, **settings))
    split = trained(*rule_on(Net(), Weighed, accumulate=parts, **settings))
    assert apart(whole.model, split.model) < 1e-6
    assert apart(whole.model, Net()) > 1e-5


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_parts_are_the_whole_in_float32_too_for_plain_descent(optimizer):
    whole = trained(*rule_on(Net(), optimizer=optimizer))
    split = trained(*rule_on(Net(), optimizer=optimizer, accumulate=4))
    assert apart(whole.model, split.model) < 1e-6


def test_normalising_over_a_batch_refuses_to_split_it():
    with pytest.raises(UsageRefusal) as caught:
        rule_on(Net(normalised=True), accumulate=2)
    assert caught.value.code == "BATCH_NOT_SPLITTABLE"
    assert "between.0" in caught.value.where


def test_an_example_that_weighs_twice_counts_as_if_it_came_twice():
    rule, batches = rule_on(Net())
    batch = batches.at(Position())

    class Doubled(Classification):
        declaration = Classification.declaration

        def objective(self, model, batch: Batch) -> Losses:
            losses = super().objective(model, batch)
            return Losses(losses.loss, 1.0 + (torch.arange(batch.size) == 0))

    heavy, _ = rule_on(Net(), Doubled)
    again = Batch.of({name: torch.cat([one[:1], one]) for name, one in batch.items()})
    twice, once = rule.slope(again), heavy.slope(batch)
    assert float(once.weight) == float(twice.weight) == batch.size + 1
    for ours, theirs in zip(once.gradients, twice.gradients, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_the_shipped_average_is_that_of_the_steps_by_hand():
    rule, batches = rule_on(Net(), average=0.8)
    mine, count = weights_of(rule.model), 0
    for step in range(12):
        rule.step(batches.at(Position(step=step, index=step % batches.length)), Position(step=step, total=12))
        decay = min(0.8, (1 + count) / (10 + count))
        mine, count = decay * mine + (1 - decay) * weights_of(rule.model), count + 1
    assert torch.allclose(weights_of(rule.shipped), mine, atol=1e-6)
    assert apart(rule.shipped, rule.model) > 1e-5


def test_a_bad_batch_leaves_weights_state_averages_and_statistics_alone():
    rule, batches = rule_on(Net(normalised=True), average=0.9, optimizer="adamw")
    at = Position(step=1, total=12)
    rule.step(batches.at(at), at)
    before, batch = copy.deepcopy(rule.state_dict()), batches.at(at)
    spoilt = batch.having({"numbers": batch["numbers"].clone().fill_(float("nan"))})
    report = rule.step(spoilt, at)
    assert not bool(report["finite"])
    assert str(rule.state_dict()) == str(before)
    assert bool(rule.step(batch, at)["finite"])
    assert str(rule.state_dict()) != str(before)


class Spoilt(Classification):
    """Its loss is not a number from some step on."""

    declaration = Classification.declaration
    after = 3

    def prepare(self, batch: Batch, at: Position) -> Batch:
        factor = float("nan") if at.step >= self.after else 1.0
        return batch.having({"numbers": batch["numbers"] * factor})


def test_a_step_whose_every_row_is_bad_ends_the_run_and_ships_nothing(tmp_path):
    settings = {"source": "iris", "model": "mlp", "rule": {"steps": 40}}
    with pytest.raises(TrainingRefusal) as caught:
        fitted(settings, tmp_path / "run", own=Own(task=Spoilt))
    assert (caught.value.code, caught.value.exit_code) == ("TRAIN_DIVERGED", 5)
    assert caught.value.what == "the batch is not finite, at step 4"
    assert caught.value.where.startswith("field numbers, examples ")
    assert not (tmp_path / "run" / "model").exists()


class Worsening(Backpropagation):
    """Learns for ten steps; then each step moves the weights at random."""

    declaration = Backpropagation.declaration

    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        report = super().step(batch, at)
        if at.step >= 10:
            with torch.no_grad():
                for number, one in enumerate(self.model.parameters()):
                    generator = at.inside(number).generator("spoil")
                    one.add_(torch.randn(one.shape, generator=generator))
        return report


def test_training_stops_when_it_gets_no_better_and_ships_the_best(tmp_path):
    settings = {
        "source": "iris",
        "model": {"name": "mlp", "hidden": [16]},
        "rule": {"steps": 400, "rate": 0.05},
        "evaluate_every": 5,
        "stopping": {"patience": 6},
    }
    run = fitted(settings, tmp_path / "run", own=Own(rule=Worsening))
    values = [line["validation.accuracy"] for line in run.history]
    assert "no better accuracy in" in run.stopped
    assert run.steps < 400
    batches = run.dataset.batches("validation", size=256)
    [shipped] = [run.package.model(**{"numbers": batch["numbers"]}).argmax(1) == batch["species"] for batch in batches]
    assert float(shipped.float().mean()) == pytest.approx(max(values))
    assert values[-1] < max(values)


def test_the_last_weights_ship_when_they_are_asked_for(tmp_path):
    settings = {"source": "iris", "model": "mlp", "rule": {"steps": 30}, "evaluate_every": 5, "stopping": {"keep": "last"}}
    run = fitted(settings, tmp_path / "run", own=Own(rule=Worsening))
    best = fitted({**settings, "stopping": {"keep": "best"}}, tmp_path / "best", own=Own(rule=Worsening))
    assert apart(run.package.model, best.package.model) > 0.01


@pytest.mark.parametrize("precision", ["bfloat16", "float64"])
def test_other_precisions_learn_and_resume_to_the_same_bits(precision, tmp_path):
    settings = {
        "source": "iris",
        "model": {"name": "mlp", "hidden": [16], "dropout": 0.1},
        "rule": {"steps": 12, "rate": 0.05},
        "precision": precision,
    }
    run = assert_resumes_to_the_same_bits(settings, tmp_path, cuts=(5,))
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    dtypes = {one.dtype for one in run.package.model.parameters()}
    assert dtypes == {torch.float64 if precision == "float64" else torch.float32}


def test_a_seed_decides_the_weights_and_another_gives_others(tmp_path):
    settings = {"source": "iris", "model": {"name": "mlp", "dropout": 0.2}, "rule": {"steps": 8}}
    first = fitted({**settings, "seed": 1}, tmp_path / "first")
    second = fitted({**settings, "seed": 1}, tmp_path / "second")
    third = fitted({**settings, "seed": 2}, tmp_path / "third")
    assert torch.equal(weights_of(first.package.model), weights_of(second.package.model))
    assert apart(first.package.model, third.package.model) > 0.1


def test_what_was_drawn_before_does_not_matter(tmp_path):
    settings = {"source": "iris", "model": {"name": "mlp", "dropout": 0.2}, "rule": {"steps": 8}}
    first = fitted(settings, tmp_path / "first")
    torch.rand(17)
    np.random.rand(3)
    second = fitted(settings, tmp_path / "second")
    assert torch.equal(weights_of(first.package.model), weights_of(second.package.model))


def test_the_schedule_goes_on_where_it_was(tmp_path):
    settings = {"source": "iris", "model": "mlp", "rule": {"steps": 12, "schedule": {"name": "cosine", "warmup": 0.25}}}
    assert_resumes_to_the_same_bits(settings, tmp_path, cuts=(2, 7))
