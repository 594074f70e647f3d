"""Fusion: what neither the picture nor the table tells alone is told by both."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.position import Position
from thalweg.fields.ports import Port, Ports
from thalweg.models.fusion import Fusion
from thalweg.tasks._task import measured

SOURCE = {"source": "image-and-table"}


def accuracy(settings, path) -> float:
    run = fitted({**SOURCE, "evaluate_every": 400, **settings}, path)
    return measured(run.package.task, run.package.model, run.dataset.batches("test", size=256), at=Position())["accuracy"]


@pytest.mark.slow
def test_pictures_and_table_together_tell_what_neither_tells_alone(tmp_path):
    assert accuracy({"rule": {"epochs": 25}}, tmp_path / "both") >= 0.9
    assert 0.45 <= accuracy({"rule": {"epochs": 6}, "data": {"ignore": ["reading", "lift"]}}, tmp_path / "picture") <= 0.65
    assert accuracy({"rule": {"epochs": 6}, "data": {"ignore": ["image"]}}, tmp_path / "table") <= 0.2


def test_it_is_chosen_where_a_picture_stands_beside_other_inputs_and_only_there(tmp_path):
    chosen = {}
    for ignored in ((), ("image",), ("reading", "lift")):
        run = fitted({**SOURCE, "rule": {"steps": 1}, "data": {"ignore": ignored}}, tmp_path / "-".join(("run", *ignored)))
        chosen[ignored] = run.package.named["name"]
    assert chosen[()] == "fusion"
    assert "fusion" not in (chosen["image",], chosen["reading", "lift"])


def test_a_run_cut_anywhere_ends_with_the_same_bits_and_predicts_the_same_elsewhere(tmp_path):
    settings = {**SOURCE, "model": {"name": "fusion", "maps": [4], "hidden": [8]}, "rule": {"steps": 6, "average": 0.9}}
    whole = assert_resumes_to_the_same_bits({**settings, "evaluate_every": 4}, tmp_path, cuts=(0, 1, 5))
    pictures = np.rint(load_digits().images[:3] * (255 / 16)).astype(np.uint8)
    table = {"reading": np.array(["plain", "turned", "unheard of"]), "lift": np.array([1.0, -1.0, 0.5])}
    assert_new_process_predicts_the_same(whole, whole.folder.model, {"image": pictures, **table})


def test_several_pictures_each_have_convolutions_of_their_own_and_a_table_is_not_needed():
    left, right = Port("left", "image", (1, 8, 8)), Port("right", "image", (3, 12, 9))
    ports = Ports((left, right), (Port("class", "category", (), size=4),))
    net = Fusion(ports, Fusion.tiny()[1]).eval()
    given = {"left": torch.randn(2, 1, 8, 8), "right": torch.randn(2, 3, 12, 9)}
    answer = net(**given)
    assert answer.shape == (2, 4)
    assert not torch.allclose(answer, net(**{**given, "right": torch.zeros(2, 3, 12, 9)}))


def test_it_learns_its_example():
    torch.manual_seed(0)
    ports, settings = Fusion.tiny()
    net, batch = Fusion(ports, settings), Fusion.example(ports, torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    target = batch.pop("class")
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(net(**batch), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert net.eval()(**batch).argmax(1).tolist() == target.tolist()
