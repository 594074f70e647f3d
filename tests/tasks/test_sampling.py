"""Flow matching draws from two moons as a draw from the moons themselves would."""

import numpy as np
import pytest
import torch

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.settings import Settings
from thalweg.data.dataset import Wanted
from thalweg.metrics.energy_distance import EnergyDistance
from thalweg.tasks._task import measured

SETTINGS = {"source": "two-moons", "rule": {"steps": 1000}, "evaluate_every": 500}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return fitted(SETTINGS, tmp_path_factory.mktemp("moons") / "run")


def test_the_source_suggests_the_task_and_facts_find_model_and_rule(trained):
    assert trained.reasons["task"] == "what two-moons is for"
    assert trained.package.named["name"] == "velocity-field"


def test_samples_are_about_as_near_to_the_moons_as_other_points_of_theirs(trained):
    test = trained.dataset.batches("test", size=1024)
    reached = measured(trained.package.task, trained.package.model, test, at=Position(seed=5))["energy-distance"]
    drawn = [trained.dataset.drawn_once(name, 1024, Wanted(1024)) for name in ("a", "b")]
    real, other = (next(iter(batches))["point"] for batches in drawn)
    metric = EnergyDistance(Settings())
    between_real = metric.value(metric.rows(real, other))
    assert between_real == pytest.approx(0.004, abs=0.002)
    assert reached < between_real + 0.006


def test_the_trivial_answer_is_a_normal_distribution_and_is_beaten_five_times_over(trained):
    task, test = trained.package.task, trained.dataset.batches("test", size=1024)
    train = trained.dataset.batches("train", size=256, training=True)
    trivial = measured(task, task.trivial(train), test, at=Position(seed=5))["energy-distance"]
    reached = measured(task, trained.package.model, test, at=Position(seed=5))["energy-distance"]
    assert reached < trivial / 5


def test_the_trivial_velocity_leads_to_the_mean_and_deviation_of_the_data(trained):
    task = trained.package.task
    train = trained.dataset.batches("train", size=256, training=True)
    points = torch.cat([batch["point"] for batch in train])
    request = task.request({"samples": 4000, "steps": 64})
    batch = task.asked({"samples": 4000}, Position())
    drawn = task.predict(task.trivial(train), batch, Position(), request)["point"]
    torch.testing.assert_close(drawn.mean(0), points.mean(0), atol=0.06, rtol=0)
    torch.testing.assert_close(drawn.std(0), points.std(0), atol=0.06, rtol=0)


def test_as_many_points_are_drawn_as_are_asked_for_in_raw_units(trained):
    points = trained.package.predict(None, request={"samples": 200, "steps": 8})["point"]
    assert points.shape == (200, 2)
    assert -2 < points[:, 0].min() < -0.5
    assert 1.5 < points[:, 0].max() < 3
    with pytest.raises(UsageRefusal, match="samples"):
        trained.package.predict(None, request={"samples": 0})


def test_another_seed_draws_other_points_and_the_same_seed_the_same(trained):
    first, again, other = (trained.package.predict(None, seed=seed, request={"samples": 5})["point"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_new_process_draws_the_same(trained):
    assert_new_process_predicts_the_same(trained, trained.folder.model, None, {"samples": 7, "steps": 5}, seed=4)


def test_a_domain_and_the_average_resume_to_the_same_bits(tmp_path):
    short = {**SETTINGS, "evaluate_every": 4, "rule": {"steps": 9, "average": 0.9}}
    assert_resumes_to_the_same_bits(short, tmp_path, cuts=(0, 1, 4, 6))
