"""The perceptron rule: its bound on mistakes, its end when none is left, its average, and XOR out of its reach."""

import numpy as np
import pytest
import torch

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.models.rosenblatt import Perceptron
from thalweg.models.threshold_unit import ThresholdNet
from thalweg.rules._rule import Context
from thalweg.rules.perceptron import PerceptronRule, PerceptronRuleSettings
from thalweg.tasks.classification import Classification, ClassificationSettings

RUN = {"task": "classification", "model": "perceptron"}


def separable(classes: int = 2, rows: int = 120, margin: float = 0.3) -> dict[str, np.ndarray]:
    """Points of the plane in sectors around 0, none near a border."""
    generator = np.random.default_rng(0)
    label = np.arange(rows) % classes
    angle = 2 * np.pi * (label + generator.uniform(margin, 1 - margin, rows)) / classes
    radius = generator.uniform(0.5, 2, rows)
    names = np.array(["a", "b", "c", "d"])
    return {"x": radius * np.cos(angle), "y": radius * np.sin(angle), "class": names[label]}


def learned(given, epochs: int = 100, **settings) -> tuple[PerceptronRule, torch.Tensor, torch.Tensor]:
    """The rule after an epoch without mistakes, the rows (n, 3) with their constant, and their classes (n,)."""
    dataset = encode(read(given, DataSettings(target="class")), DataSettings(target="class"), seed=0)
    task = Classification(dataset.encodings, ClassificationSettings())
    rule = PerceptronRule(
        task, Perceptron(task.ports, Perceptron.declaration.settings()), PerceptronRuleSettings(**settings), Context()
    )
    task.bind(rule.model)
    batches = rule.batches(dataset)
    position = Position(total=epochs * batches.length)
    while position.step < position.total:
        if bool(rule.step(batches.at(position), position)["finished"]):
            break
        position = position.advanced(batches.length)
    whole = dataset.store.finished(dataset.store.gather(dataset.parts["train"]))
    rows = torch.cat([whole["numbers"], torch.ones(len(whole["class"]), 1)], 1)
    return rule, rows, whole["class"]


def test_mistakes_stay_within_novikoffs_bound():
    rule, rows, target = learned(separable())
    sides = target * 2.0 - 1
    separating = rule._weights()[0]
    margin = (sides * (rows @ separating)).min() / separating.norm()
    assert margin > 0, "the last epoch brought no mistake, so the weights separate"
    assert 0 < rule.tally.mistakes <= float(rows.norm(dim=1).max() / margin) ** 2


def test_several_classes_are_told_apart():
    rule, rows, target = learned(separable(classes=4))
    assert ((rows @ rule._weights().T).argmax(1) == target).all()
    assert rule.tally.epoch == 0


def test_how_many_rows_are_handed_over_at_once_changes_nothing():
    one, many = (learned(separable(classes=3), batch_size=size)[0] for size in (1, 50))
    torch.testing.assert_close(one._weights(), many._weights())
    assert one.tally.mistakes == many.tally.mistakes


def test_the_average_is_the_mean_of_the_weights_after_each_row():
    rule, _, _ = learned(separable(), epochs=1, averaged=True, batch_size=7)
    plain, _, _ = learned(separable(), epochs=0)
    dataset = encode(read(separable(), DataSettings(target="class")), DataSettings(target="class"), seed=0)
    batches = plain.batches(dataset)
    weights, seen = torch.zeros(3), []
    for index in range(batches.length):
        batch = batches.at(Position(index=index))
        for row, side in zip(batch["numbers"], batch["class"] * 2 - 1, strict=True):
            whole = torch.cat([row, torch.ones(1)])
            weights = weights + side * whole if ((weights @ whole > 0) != (side > 0)) else weights
            seen.append(weights)
    mean = torch.stack(seen).double().mean(0)
    shipped = rule.shipped.head
    torch.testing.assert_close(torch.cat([shipped.weight[0], shipped.bias]).double(), mean, atol=1e-6, rtol=1e-6)


def test_a_model_without_a_head_is_refused():
    ports, settings = ThresholdNet.tiny()
    with pytest.raises(UsageRefusal, match="no linear layer `head`"):
        PerceptronRule(None, ThresholdNet(ports, settings), PerceptronRuleSettings(), Context())


def test_training_ends_when_an_epoch_brings_no_mistake(tmp_path):
    settings = RUN | {"data": {"target": "class"}, "rule": {"batch_size": 8, "epochs": 1000}}
    run = fitted(settings, tmp_path / "run", given=separable())
    assert run.stopped == "nothing is left to learn"
    assert run.history[-1]["validation.accuracy"] == 1.0


@pytest.mark.parametrize("averaged", [False, True])
def test_a_run_cut_anywhere_ends_with_the_same_bits_and_predicts_elsewhere(tmp_path, averaged):
    settings = RUN | {"data": {"target": "class"}, "rule": {"batch_size": 8, "epochs": 30, "averaged": averaged}}
    given = separable(classes=3, margin=0.2)
    whole = assert_resumes_to_the_same_bits(settings, tmp_path, given=given, cuts=(0, 1, 5))
    columns = {name: given[name][:9] for name in ("x", "y")}
    said = assert_new_process_predicts_the_same(whole, whole.folder.model, columns)
    assert (said["class"] == given["class"][:9]).mean() > 0.7
