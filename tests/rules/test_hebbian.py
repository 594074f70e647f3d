"""A Hopfield net stores patterns in one pass and recalls them whole from damaged ones."""

import numpy as np
import pytest

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from tests.training.splitting import assert_two_processes_learn_the_same
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.tasks._task import measured

SETTINGS = {"source": "patterns"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return fitted(SETTINGS, tmp_path_factory.mktemp("memory") / "run")


def shares(trained, damage: float, seed: int = 0) -> dict[str, float | None]:
    task = type(trained.package.task)(
        trained.dataset.encodings, trained.package.task.settings.model_copy(update={"damage": damage})
    )
    task.bind(trained.package.model)
    return measured(task, trained.package.model, trained.dataset.batches("test", size=64), at=Position(seed=seed))


def test_six_patterns_of_a_hundred_pixels_come_back_from_a_fifth_of_damage(trained):
    found = [shares(trained, 0.2, seed) for seed in range(10)]
    assert np.mean([one["accuracy"] for one in found]) > 0.97
    assert np.mean([one["subset-accuracy"] for one in found]) > 0.85


def test_what_was_stored_is_a_fixed_point_and_half_the_pixels_are_too_many(trained):
    assert shares(trained, 0.0) == {"subset-accuracy": 1.0, "accuracy": 1.0}
    assert shares(trained, 0.5)["subset-accuracy"] < 0.5


def test_a_memory_filled_beyond_its_capacity_forgets(tmp_path):
    full = fitted({**SETTINGS, "source_settings": {"count": 40}}, tmp_path / "run")
    assert shares(full, 0.1)["subset-accuracy"] < 0.1  # 0.138 N = 14 patterns at most


def test_weights_are_the_sum_of_outer_products_by_hand(trained):
    patterns = np.asarray(trained.dataset.examples.columns["pattern"][:6]).reshape(6, 100) / 127.5 - 1
    expected = patterns.T @ patterns / 100
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(trained.package.model.weight.detach().numpy(), expected, atol=1e-6)


def test_a_damaged_picture_is_given_and_the_whole_one_comes_back_elsewhere_too(trained):
    whole = np.asarray(trained.dataset.examples.columns["pattern"][:6])
    damaged = whole.copy()
    damaged[:, 0] = 255 - damaged[:, 0]
    said = assert_new_process_predicts_the_same(trained, trained.folder.model, {"pattern": damaged})
    assert np.array_equal(said["pattern"] > 127, whole > 127)
    again = assert_new_process_predicts_the_same(
        trained, trained.folder.model, {"pattern": whole}, {"damage": 0.1, "steps": 50}
    )
    assert ((again["pattern"] > 127) == (whole > 127)).mean() > 0.95


@pytest.mark.parametrize("name", ["rate", "epochs", "batch_size"])
def test_what_storage_does_not_have_is_refused_by_name(tmp_path, name):
    with pytest.raises(UsageRefusal, match=f"hebbian has no {name} .*takes no settings") as refused:
        fitted({**SETTINGS, "rule": {name: 1}}, tmp_path / "run")
    assert refused.value.where == "rule hebbian"


def test_storage_takes_no_step_and_resumes_to_the_same_bits(tmp_path):
    whole = assert_resumes_to_the_same_bits(SETTINGS, tmp_path, cuts=(0,))
    assert whole.steps == 0


def test_two_processes_store_the_same(tmp_path):
    assert_two_processes_learn_the_same(SETTINGS, tmp_path)
