"""What nobody named is chosen by the facts that parts declare; what the user named wins."""

import pytest
import torch

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.core.readable import readable
from thalweg.core.settings import Choice
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.rules._rule import Context
from thalweg.training.requested import run_settings
from thalweg.training.stage import Own, build_stage


def stage(source: str, **settings):
    asked = run_settings({"source": source, **settings})
    raw = read(source, asked.data)
    return build_stage(asked, 0, encode(raw, asked.data, seed=0) if isinstance(raw, Examples) else raw, Own(), Context())


@pytest.mark.parametrize(
    ("given", "task", "model", "rule"),
    [
        ({}, "classification", None, "backpropagation"),
        ({"task": "conditional-synthesis"}, "conditional-synthesis", "mlp-generator", "adversarial"),
        ({"task": {"name": "quantisation"}}, "quantisation", "map", "competitive"),
        ({"model": "map"}, "quantisation", "map", "competitive"),
        ({"model": "hopfield"}, "recall", "hopfield", "hebbian"),
        ({"model": "mlp"}, "classification", "mlp", "backpropagation"),
    ],
)
def test_task_model_and_rule_of_digits_follow_from_what_was_said(given, task, model, rule):
    chosen = stage("digits", **given).choices
    assert chosen["task"].name == task
    assert model is None or chosen["model"].name == model
    assert chosen["rule"].name == rule


def test_a_domain_suggests_its_task_and_a_model_named_changes_it():
    assert stage("two-moons").choices["task"].name == "sampling"
    assert stage("two-moons", model="map").choices["task"].name == "quantisation"


def test_tasks_that_learn_the_data_as_they_are_do_not_augment_them_unasked():
    assert stage("digits").batches.augment
    assert stage("digits", model="map").batches.augment == ()
    assert stage("digits", model="map", augment=["shift"]).batches.augment


def test_modules_that_a_rule_builds_come_from_the_seed_alone():
    def critic(seed: int) -> torch.Tensor:
        torch.rand(seed + 3)  # what was drawn before must not count
        built = stage("digits", task="conditional-synthesis", seed=seed).rule
        return torch.cat([one.detach().flatten() for one in built.critic.parameters()])

    first, again, other = critic(1), critic(1), critic(2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_domain_that_never_ends_is_gone_through_as_a_fixed_sample():
    batches = stage("two-moons", rule=Choice(settings={"batch_size": 100}).model_dump()).batches
    points, again = (torch.cat([batch["point"] for batch in batches]) for _ in range(2))
    assert points.shape == (1024, 2)
    assert torch.equal(points, again)


@pytest.mark.parametrize("model", ["random-kernels", "minirocket", "text-cnn", "encoder-decoder", "convnet"])
def test_a_model_that_does_not_read_the_inputs_is_refused_with_those_that_do(model):
    with pytest.raises(UsageRefusal) as caught:
        stage("iris", model=model)
    refusal = caught.value
    assert refusal.code == "MODEL_PORTS"
    assert f"the model {model} reads" in refusal.what
    assert "the data give numbers" in refusal.what
    assert "leave --model out, which takes tabular" in refusal.fix
    assert refusal.details["fitting"]
    for other in refusal.details["fitting"]:
        assert "numbers" in readable(registry.facts("model", other))
