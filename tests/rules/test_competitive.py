"""A map spreads over the digits: near codes, and few inputs torn between distant units."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from tests.training.splitting import assert_two_processes_learn_the_same
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.fields.ports import Port, Ports
from thalweg.models.self_organising_map import Map, MapSettings
from thalweg.rules._rule import Context
from thalweg.rules.competitive import Competitive, CompetitiveSettings, largest_components
from thalweg.tasks._task import measured

SETTINGS = {"source": "digits", "model": {"name": "map", "rows": 8, "columns": 8}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return fitted({**SETTINGS, "rule": {"epochs": 30}}, tmp_path_factory.mktemp("map") / "run")


def figures(trained, model):
    return measured(trained.package.task, model, trained.dataset.batches("test", size=512), at=Position())


def test_the_model_alone_says_what_is_learned_and_how(trained):
    assert trained.reasons["task"] == "what this model learns"
    assert trained.reasons["rule"] == "how this model is learned"


def test_codes_lie_nearly_as_near_to_unseen_digits_as_those_of_k_means(trained):
    [train], [test] = (list(trained.dataset.batches(part, size=5000)) for part in ("train", "test"))
    means = KMeans(64, n_init=1, random_state=0).fit(train["image"].flatten(1).numpy())
    by_k_means = means.transform(test["image"].flatten(1).numpy()).min(axis=1).mean()
    found = figures(trained, trained.package.model)
    assert found["quantisation-error"] < 1.15 * by_k_means
    assert found["topographic-error"] < 0.15


def test_one_code_for_all_is_beaten(trained):
    trivial = figures(trained, trained.package.task.trivial(trained.dataset.batches("train", size=512)))
    assert figures(trained, trained.package.model)["quantisation-error"] < 0.7 * trivial["quantisation-error"]


def test_neighbours_on_the_map_hold_the_same_digit_more_often_than_chance(trained):
    digits = load_digits()
    said = trained.package.predict({"image": (digits.images * (255 / 16)).astype(np.uint8)})
    held = {tuple(place): label for place, label in zip(said["coordinates"].tolist(), digits.target, strict=True)}
    pairs = [(label, held[r, c + 1]) for (r, c), label in held.items() if (r, c + 1) in held]
    assert np.mean([a == b for a, b in pairs]) > 0.4


def test_an_input_gets_its_unit_its_coordinates_and_the_distance_elsewhere_too(trained):
    images = (load_digits().images[:3] * (255 / 16)).astype(np.uint8)
    said = assert_new_process_predicts_the_same(trained, trained.folder.model, {"image": images})
    assert said["coordinates"].shape == (3, 2)
    assert (said["coordinates"] @ [8, 1] == said["unit"]).all()
    assert (said["distance"] > 0).all()


def test_the_start_is_the_plane_of_the_principal_components(tmp_path):
    settings = {"source": "iris", "model": {"name": "map", "rows": 3, "columns": 5}}
    start = fitted({**settings, "rule": {"steps": 1, "rate": 1e-9, "last_rate": 1e-9}}, tmp_path / "run")
    codes = start.package.model.codes.detach().numpy()
    x = start.dataset.store.gather(start.dataset.parts["train"])["numbers"].numpy()
    directions = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:2]  # (2, D)
    away = codes - x.mean(axis=0)
    np.testing.assert_allclose(away - away @ directions.T @ directions, 0, atol=1e-4)
    assert len(np.unique(codes.round(3), axis=0)) == 15


def test_it_resumes_to_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits({**SETTINGS, "evaluate_every": 4, "rule": {"steps": 9}}, tmp_path, cuts=(0, 1, 4, 6))


def test_two_processes_learn_the_same_map(tmp_path):
    assert_two_processes_learn_the_same({**SETTINGS, "rule": {"steps": 30}}, tmp_path)


def test_another_model_is_refused_by_name(tmp_path):
    with pytest.raises(UsageRefusal, match="competitive cannot change"):
        fitted({"source": "iris", "model": "mlp", "rule": {"name": "competitive", "steps": 1}}, tmp_path / "run")
    assert torch.tensor(load_iris().data).shape == (150, 4)


def test_what_the_map_does_not_read_is_told(trained):
    assert trained.package.task.notes == ["class is not read: examples are laid out by the inputs alone"]


def test_a_batch_moves_every_unit_as_kohonen_says():
    ports = Ports((Port("v", "vector", (3,)),), ())
    model = Map(ports, MapSettings(rows=2, columns=3))
    rule = Competitive(SimpleNamespace(ports=ports), model, CompetitiveSettings(radius=1.5), Context())
    x, before = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), model.codes.detach().clone()
    rule.step(Batch.of({"v": x}), Position(total=10))
    winner = torch.cdist(x, before).argmin(1)
    near = torch.exp(-torch.cdist(model.places, model.places)[winner].square() / (2 * 1.5**2))  # (B, K)
    mean, share = near.T @ x / near.sum(0)[:, None], 1 - 0.7 ** near.sum(0)
    torch.testing.assert_close(model.codes.detach(), before + share[:, None] * (mean - before), atol=1e-5, rtol=1e-5)


def test_the_largest_components_are_those_of_all():
    x = torch.randn(200, 60, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x[:, :12] *= torch.arange(1, 13).flip(0)
    values, vectors = largest_components(torch.cov(x.T), torch.Generator().manual_seed(1))
    truth, directions = torch.linalg.eigh(torch.cov(x.T))
    torch.testing.assert_close(values, truth[-2:].flip(0))
    torch.testing.assert_close((vectors * directions[:, -2:].flip(1)).sum(0).abs(), torch.ones(2, dtype=torch.float64))
