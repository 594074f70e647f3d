"""Threshold units: gates by construction, and what a single unit cannot do."""

import itertools

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.registry import settings_of
from thalweg.fields.ports import Port, Ports
from thalweg.models.threshold_unit import ThresholdNet, ThresholdNetSettings, Unit

ROWS = list(itertools.product((0, 1), repeat=2))
TABLES = {
    "threshold-and": [a & b for a, b in ROWS],
    "threshold-or": [a | b for a, b in ROWS],
    "threshold-xor": [a ^ b for a, b in ROWS],
}


def said(settings: ThresholdNetSettings, rows) -> list[int]:
    ports = Ports((Port("numbers", "numbers", (len(rows[0]),)),), (Port("class", "category", (), size=2),))
    return ThresholdNet(ports, settings)(numbers=torch.tensor(rows, dtype=torch.float32)).argmax(1).tolist()


@pytest.mark.parametrize("gate", TABLES)
def test_a_gate_gives_its_truth_table(gate):
    assert said(settings_of("model", gate), ROWS) == TABLES[gate]


def test_not_turns_its_input_around():
    assert said(settings_of("model", "threshold-not"), [(0,), (1,)]) == [1, 0]


def test_no_single_unit_gives_xor_though_some_give_and_and_or():
    grid = np.arange(-3, 3.25, 0.25)
    tables = set()
    for w1, w2, threshold in itertools.product(grid, grid, grid):
        tables.add(tuple(int(w1 * a + w2 * b >= threshold) for a, b in ROWS))
    assert tuple(TABLES["threshold-xor"]) not in tables
    assert len(tables) == 14, "all functions of two inputs but XOR and its negation"
    unit = ThresholdNetSettings(layers=((Unit(weights=(0.75, 0.75), threshold=1.25),),))
    assert said(unit, ROWS) == TABLES["threshold-and"], "the grid is of the units that the model is made of"


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValidationError, match="a unit after a layer of 2 has 2 weights"):
        ThresholdNetSettings(layers=((Unit(), Unit()), (Unit(weights=(1.0,)),)))


def test_a_net_ships_as_it_was_built_and_predicts_elsewhere(tmp_path):
    rows = np.tile(np.array(ROWS), (30, 1))
    given = {"a": rows[:, 0].astype(float), "b": rows[:, 1].astype(float), "class": rows[:, 0] ^ rows[:, 1]}
    settings = {
        "data": {"target": "class", "fields": {"a": "number", "b": "number"}},
        "task": "classification",
        "model": "threshold-xor",
    }
    whole = assert_resumes_to_the_same_bits(settings, tmp_path, given=given, cuts=(0,))
    assert whole.steps == 0
    columns = {"a": given["a"][:8], "b": given["b"][:8]}
    found = assert_new_process_predicts_the_same(whole, whole.folder.model, columns)
    assert found["class"].tolist() == given["class"][:8].tolist()
    again = fitted(settings, tmp_path / "again", given=given)
    assert again.package.model.depth == 2
