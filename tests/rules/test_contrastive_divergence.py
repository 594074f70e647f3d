"""A restricted Boltzmann machine gives digits back with about half the error of the mean digit."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from tests.training.splitting import assert_two_processes_learn_the_same
from thalweg.core.position import Position
from thalweg.models.restricted_boltzmann import BoltzmannSettings, RestrictedBoltzmann
from thalweg.tasks._task import measured

SETTINGS = {"source": "digits", "task": "reconstruction", "model": "rbm"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return fitted({**SETTINGS, "rule": {"epochs": 90}}, tmp_path_factory.mktemp("machine") / "run")


def test_unseen_digits_come_back_with_little_more_than_half_of_the_mean_digits_error(trained):
    task, test = trained.package.task, trained.dataset.batches("test", size=512)
    trivial = task.trivial(trained.dataset.batches("train", size=512))
    ours, mean = (measured(task, model, test, at=Position())["rmse"] for model in (trained.package.model, trivial))
    assert ours < 0.55 * mean


def test_real_digits_have_lower_energy_than_digits_with_pixels_out_of_place(trained):
    [test] = list(trained.dataset.batches("test", size=512))
    real = test["image"].flatten(1)
    shuffled = real[:, torch.randperm(64, generator=torch.Generator().manual_seed(0))]
    energy = trained.package.model.free_energy
    assert (energy(real) < energy(shuffled)).float().mean() > 0.99


def test_reconstructions_are_pictures_and_a_new_process_gives_the_same(trained):
    images = (load_digits().images[:3] * (255 / 16)).astype(np.uint8)
    said = assert_new_process_predicts_the_same(trained, trained.folder.model, {"image": images})
    assert said["image"].shape == (3, 8, 8)
    assert said["image"].dtype == np.uint8


def test_the_free_energy_sums_the_hidden_units_out():
    torch.manual_seed(0)
    machine = RestrictedBoltzmann(RestrictedBoltzmann.tiny()[0], BoltzmannSettings(hidden=3)).double()
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.normal_()
    v = torch.randn(5, 6, dtype=torch.float64)
    states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 3)  # (8, 3)
    energy = (
        0.5 * (v - machine.visible_bias).square().sum(1)[:, None] - states @ machine.hidden_bias - v @ machine.weight @ states.T
    )
    torch.testing.assert_close(machine.free_energy(v), -torch.logsumexp(-energy, 1))


def test_a_chain_of_three_steps_resumes_to_the_same_bits(tmp_path):
    rule = {"steps": 9, "gibbs_steps": 3, "average": 0.9, "accumulate": 2}
    assert_resumes_to_the_same_bits({**SETTINGS, "evaluate_every": 4, "rule": rule}, tmp_path, cuts=(0, 1, 4, 6))


def test_two_processes_learn_the_same_machine(tmp_path):
    assert_two_processes_learn_the_same({**SETTINGS, "rule": {"steps": 20}}, tmp_path)
