"""Centres lie where those of k-means lie, widths are the distances between them, and what reads them learns."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_digits, load_iris

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from tests.training.splitting import assert_two_processes_learn_the_same
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.rules.k_means import distances_to_nearest, spread_out
from thalweg.tasks._task import measured

DIGITS = {"source": "digits", "model": {"name": "rbf", "units": 16}}


def headline(run, part: str) -> tuple[float, float]:
    """The first metric on a part: of the model, and of the trivial answer."""
    task, batches = run.package.task, run.dataset.batches(part, size=512)
    trivial = task.trivial(run.dataset.batches("train", size=512))
    name = next(iter(task.metrics))
    return tuple(measured(task, one, batches, at=Position())[name] for one in (run.package.model, trivial))


def columns(bunch) -> dict[str, np.ndarray]:
    return {name: bunch.data[:, i] for i, name in enumerate(bunch.feature_names)}


def test_rows_are_nearly_as_near_to_the_centres_as_to_those_of_scikit_learn(tmp_path):
    run = fitted({**DIGITS, "rule": {"steps": 1, "passes": 20}}, tmp_path / "run")
    [train] = run.dataset.batches("train", size=5000)
    x = train["image"].flatten(1).double()
    ours = torch.cdist(x, run.package.model.centres.double()).amin(1).square().sum()
    assert float(ours) < 1.05 * KMeans(16, n_init=1, random_state=0).fit(x.numpy()).inertia_


def test_after_enough_passes_each_centre_is_the_mean_of_the_rows_nearest_to_it(tmp_path):
    settings = {"source": "iris", "model": {"name": "rbf", "units": 3}, "rule": {"steps": 1, "passes": 50}}
    run = fitted(settings, tmp_path / "run")
    [train] = run.dataset.batches("train", size=500)
    nearest = torch.cdist(train["numbers"], run.package.model.centres).argmin(1)
    means = torch.stack([train["numbers"][nearest == unit].mean(0) for unit in range(3)])
    torch.testing.assert_close(run.package.model.centres, means, rtol=0, atol=1e-5)


def test_widths_are_root_mean_squares_of_the_distances_to_the_nearest_centres():
    centres = torch.tensor([[0.0], [1.0], [3.0], [7.0]]).double()
    expected = np.sqrt([(1 + 9) / 2, (1 + 4) / 2, (4 + 9) / 2, (16 + 36) / 2])
    np.testing.assert_allclose(distances_to_nearest(centres, 2).numpy(), expected)
    assert distances_to_nearest(centres, 1).tolist() == [1, 1, 2, 4]
    assert torch.equal(distances_to_nearest(centres, 99), distances_to_nearest(centres, 3))


def test_centres_on_one_point_count_as_one():
    assert distances_to_nearest(torch.tensor([[0.0], [0.0], [2.0]]), 2).tolist() == [2, 2, 2]
    assert distances_to_nearest(torch.zeros(3, 2), 2).tolist() == [1, 1, 1]


def test_the_first_centres_are_distinct_rows_as_long_as_there_are_any():
    rows = torch.tensor([[1.0], [1.0], [1.0], [5.0], [9.0]]).double()
    first = spread_out(rows, 7, torch.Generator().manual_seed(0)).flatten().tolist()
    assert sorted(first[:3]) == [1, 5, 9]
    assert len(first) == 7


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_irises_are_told_apart(tmp_path, seed):
    run = fitted({"source": "iris", "model": "rbf", "seed": seed}, tmp_path / "run")
    assert run.reasons["rule"] == "how this model is learned"
    assert headline(run, "validation")[0] >= 0.9
    assert_new_process_predicts_the_same(run, run.folder.model, columns(load_iris()))


def test_the_progress_of_diabetes_is_told_better_than_by_its_mean(tmp_path):
    run = fitted({"source": "diabetes", "model": "rbf"}, tmp_path / "run")
    for part in ("validation", "test"):
        ours, mean = headline(run, part)
        assert ours < 0.8 * mean
    assert_new_process_predicts_the_same(run, run.folder.model, columns(load_diabetes()))


def test_pictures_are_read_too(tmp_path):
    run = fitted({"source": "digits", "model": "rbf"}, tmp_path / "run")
    assert headline(run, "test")[0] >= 0.92
    pictures = (load_digits().images[:5] * (255 / 16)).astype(np.uint8)
    assert_new_process_predicts_the_same(run, run.folder.model, {"image": pictures})


def test_vectors_are_read_too(tmp_path):
    heaps = np.arange(120) % 3
    drawn = np.random.default_rng(0).normal(size=(120, 6)) + 4 * np.eye(6)[heaps]
    table = {"place": drawn.astype(np.float32), "heap": np.array(["a", "b", "c"])[heaps]}
    run = fitted(
        {
            "model": {"name": "rbf", "units": 6},
            "data": {"target": "heap", "fields": {"place": "vector"}},
            "rule": {"steps": 200},
        },
        tmp_path / "run",
        given=table,
    )
    assert [port.kind for port in run.package.task.ports.inputs] == ["vector"]
    assert headline(run, "test")[0] >= 0.9


def test_fewer_distinct_rows_than_units_are_learned_from(tmp_path):
    signs = {"x": np.array(["a", "b", "c", "d"] * 20), "y": np.array([1.0, 5.0, 2.0, 3.5] * 20)}
    run = fitted({"model": "rbf", "data": {"target": "y"}, "rule": {"steps": 600}}, tmp_path / "run", given=signs)
    ours, mean = headline(run, "test")
    assert ours < 0.05 * mean


def test_a_run_cut_anywhere_ends_with_the_same_bits(tmp_path):
    settings = {**DIGITS, "evaluate_every": 4, "rule": {"steps": 9, "average": 0.9}}
    assert_resumes_to_the_same_bits(settings, tmp_path, cuts=(0, 1, 4, 6))


def test_a_run_of_two_stages_cut_anywhere_ends_with_the_same_bits(tmp_path):
    settings = {**DIGITS, "rule": {"steps": 4}, "stages": [{"only": [0, 1, 2, 3, 4]}, {}]}
    assert_resumes_to_the_same_bits(settings, tmp_path, cuts=[0, (0, 1), (1, 1)])


def test_an_average_holds_the_centres_that_were_found(tmp_path):
    settings = {**DIGITS, "rule": {"steps": 1}}
    plain = fitted(settings, tmp_path / "plain").package.model
    averaged = fitted({**DIGITS, "rule": {"steps": 1, "average": 0.9}}, tmp_path / "averaged").package.model
    assert torch.equal(plain.centres, averaged.centres)
    assert torch.equal(plain.widths, averaged.widths)


def test_two_processes_find_and_learn_the_same(tmp_path):
    assert_two_processes_learn_the_same({**DIGITS, "rule": {"steps": 30}}, tmp_path)


def test_another_model_is_refused_by_name(tmp_path):
    with pytest.raises(UsageRefusal, match="k-means cannot change"):
        fitted({"source": "iris", "model": "mlp", "rule": {"name": "k-means", "steps": 1}}, tmp_path / "run")
