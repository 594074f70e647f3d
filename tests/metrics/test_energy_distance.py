"""The energy distance is that of scipy in one dimension, and what it says of two distributions."""

import numpy as np
import pytest
import torch
from scipy.stats import energy_distance

from thalweg.core.settings import Settings
from thalweg.metrics import energy_distance as module
from thalweg.metrics.energy_distance import EnergyDistance

METRIC = EnergyDistance(Settings())


def test_it_is_the_square_of_scipys_in_one_dimension_weights_included():
    random = np.random.default_rng(0)
    x, y, weight = random.normal(size=40), random.normal(1.0, 2.0, size=40), random.uniform(0.5, 2.0, size=40)
    rows = METRIC.rows(torch.tensor(x)[:, None], torch.tensor(y)[:, None])
    rows[:, -1] *= torch.tensor(weight)
    assert METRIC.value(rows) == pytest.approx(energy_distance(x, y, weight, weight) ** 2, rel=1e-9)


def test_many_rows_are_taken_piece_by_piece_to_the_same_value(monkeypatch):
    x, y = torch.randn(50, 3), torch.randn(50, 3)
    whole = METRIC.value(METRIC.rows(x, y))
    monkeypatch.setattr(module, "CHUNK", 7)
    assert METRIC.value(METRIC.rows(x, y)) == pytest.approx(whole, rel=1e-12)


def test_a_sample_is_at_no_distance_from_itself_in_any_order():
    x = torch.randn(30, 2)
    assert METRIC.value(METRIC.rows(x, x.flip(0))) == pytest.approx(0.0, abs=1e-12)
