"""Leaving units out by sums agrees with leaving them out one by one."""

import pytest
import torch

from thalweg.core import registry
from thalweg.evaluation.leaving_out import _centred, error_of, moves, value_of

NAMES = ["accuracy", "f1", "macro-f1", "balanced-accuracy", "log-loss", "average-precision"]


def metric(name: str):
    given = {"classes": 3} if name in ("macro-f1", "balanced-accuracy") else {}
    return registry.load("metric", name)(registry.settings_of("metric", name, given))


def rows_of(name: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    probabilities = torch.rand(40, 3, generator=generator).round(decimals=1).add(0.05)
    probabilities = probabilities / probabilities.sum(1, keepdim=True)
    target = torch.randint(3, (40,), generator=generator)
    reads = registry.facts("metric", name)["reads"]
    return metric(name).rows(probabilities if reads == "probabilities" else probabilities.argmax(1), target)


@pytest.mark.parametrize("name", NAMES)
def test_sums_agree_with_brute_force(name):
    rows = rows_of(name)
    one_by_one = torch.tensor([value_of(metric(name), torch.cat([rows[:i], rows[i + 1 :]])) for i in range(len(rows))])
    torch.testing.assert_close(moves(metric(name), rows), _centred(one_by_one.double()), atol=1e-7, rtol=1e-5)


def test_blocks_are_left_out_where_nothing_is_exact():
    calibration = metric("calibration-error")
    moved = moves(calibration, rows_of("calibration-error").repeat(10, 1))
    assert len(moved) == 50
    assert error_of(moved) > 0
