"""What cannot be measured is said to be so, and what is measured does not depend on how rows are cut."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.refusing import expect_refusal
from thalweg.core import registry
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.evaluation.evaluate import evaluate, of_batches
from thalweg.tasks.classification import Classification, ClassificationSettings
from thalweg.tasks.multi_label import MultiLabel, MultiLabelSettings
from thalweg.tasks.regression import Regression, RegressionSettings


class Net(nn.Module):
    """Batch normalisation between two layers."""

    def __init__(self, outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, outputs))
        self.lost = None

    def forward(self, numbers):
        answer = self.layers(numbers)
        return answer if self.lost is None else answer.masked_fill(numbers[:, :1] > self.lost, float("nan"))


def dataset(kind):
    drawn = np.random.default_rng(0).normal(size=(103, 2))
    target = drawn.sum(1) if kind == "number" else np.where(drawn[:, 0] > 0, "yes", "no").tolist()
    return encode(read({"a": drawn[:, 0], "b": drawn[:, 1], "it": target}), DataSettings(target="it"), seed=0)


def classes():
    data = dataset("category")
    return Classification(data.encodings, ClassificationSettings()), Net(2), data


def values():
    data = dataset("number")
    return Regression(data.encodings, RegressionSettings()), Net(1), data


@pytest.mark.parametrize("given", [classes, values], ids=["classes", "values"])
def test_evl_06_answers_that_are_not_a_number_are_refused_with_the_first_rows(given):
    task, model, data = given()
    task.bind(model)
    model.lost = 0.5
    with expect_refusal("PREDICTIONS_NOT_FINITE", exit_code=5) as caught:
        evaluate(task, model, data)
    rows = [row for batch in data.batches("test", size=1) for row in (batch["numbers"][:, 0] > 0.5).tolist()]
    wrong = [row for row, lost in enumerate(rows) if lost]
    assert caught.value.details == {"rows": wrong, "count": len(wrong)}
    assert f"rows {', '.join(map(str, wrong[:5]))}" in caught.value.where


@pytest.mark.parametrize("given", [classes, values], ids=["classes", "values"])
def test_evl_09_metrics_are_the_same_for_every_batch_size_down_to_one(given):
    task, model, data = given()
    task.bind(model)
    model.train()
    with torch.no_grad():
        model(torch.randn(64, 2))  # running statistics that are not those of the start
    found = [
        of_batches(task, model, data.batches("test", size=size), part="test", at=Position()).estimates for size in (1, 7, 256)
    ]
    for name, one in found[0].items():
        assert one.value == pytest.approx(found[1][name].value, abs=1e-6)
        assert one.value == pytest.approx(found[2][name].value, abs=1e-6)
    assert model.training, "evaluation leaves the model in its mode"


def test_evl_05_r2_of_one_row_is_null_with_a_reason():
    task, model, data = values()
    task.bind(model)
    data.parts["test"] = data.parts["test"][:1]
    found = evaluate(task, model, data).as_json()["metrics"]["r2"]
    assert found["value"] is None
    assert found["reason"]


def test_evl_05_auc_where_a_label_never_varies_is_null_with_a_reason():
    drawn = np.random.default_rng(0).normal(size=(40, 2))
    data = encode(
        read({"a": drawn[:, 0], "b": drawn[:, 1], "it": [["x", "y"] if i % 2 else ["x"] for i in range(40)]}),
        DataSettings(target="it", fields={"it": "labels"}),
        seed=0,
    )
    data.parts["test"] = torch.arange(1, 11, 2)
    task, model = MultiLabel(data.encodings, MultiLabelSettings()), Net(2)
    task.bind(model)
    found = evaluate(task, model, data).as_json()["metrics"]["auc"]
    assert found["value"] is None
    assert found["reason"]


@pytest.mark.parametrize("size", [1e4, 1e30])
def test_num_15_huge_logits_give_finite_losses_slopes_and_figures(size):
    task, model, data = classes()
    task.bind(model)
    with torch.no_grad():
        model.layers[3].weight.mul_(0)
        model.layers[3].bias.copy_(torch.tensor([size, -size]))
    batch: Batch = next(iter(data.batches("test", size=64)))
    loss = task.objective(model, batch).loss
    (slope,) = torch.autograd.grad(loss.sum(), model.layers[3].bias)
    assert torch.isfinite(loss).all()
    assert torch.isfinite(slope).all()
    assert all(one.value is not None and np.isfinite(one.value) for one in evaluate(task, model, data).estimates.values())


def test_num_15_a_row_whose_mask_hides_everything_is_read_without_nan():
    part = registry.load("model", "encoder-decoder")
    ports, settings = part.tiny()
    net, given = part(ports, settings), part.example(ports, torch.Generator().manual_seed(0))
    given["text_mask"][3] = False
    with torch.no_grad():
        answer = net(**{name: given[name] for name in ports.names})
    assert torch.isfinite(answer).all()
