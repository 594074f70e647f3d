"""Groups of examples (a patient's pictures) are the units: of intervals, of differences, of the counts in sentences."""

import numpy as np
import pytest
import torch

from tests.evaluation.arrays import task_of
from thalweg.core import registry
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.evaluation.evaluate import evaluate
from thalweg.evaluation.leaving_out import error_of, moves, value_of
from thalweg.evaluation.one_metric import estimate
from thalweg.evaluation.paired import difference, paired_moves
from thalweg.evaluation.units import groups_of, numbered

SIZES = [4, 3, 5, 2, 4, 2]
GROUPS = torch.repeat_interleave(torch.arange(6), torch.tensor(SIZES))


def metric(name, **settings):
    return registry.load("metric", name)(registry.settings_of("metric", name, settings))


def answers(text):
    right = torch.tensor([float(sign) for sign in text.replace(" ", "")], dtype=torch.float64)
    return torch.stack([right, torch.ones_like(right)], 1)


NET, OPPONENT = answers("1110 111 00100 11 1111 10"), answers("1010 110 00101 10 1101 10")


def test_shares_of_grouped_examples_have_the_known_intervals():
    accuracy = metric("accuracy")
    found = estimate(accuracy, NET, groups=GROUPS)
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.183184, 0.983203), abs=2e-6)
    gap = difference(accuracy, NET, OPPONENT, groups=GROUPS)
    assert (gap.low, gap.high) == pytest.approx((-0.214426, 0.480036), abs=2e-6)
    assert (gap.n, gap.units) == (6, "groups")


def brute(name, rows, **settings):
    one = metric(name, **settings)
    left = np.array([value_of(one, rows[g != GROUPS]) for g in range(6)])
    return float(np.sqrt(5 / 6 * ((left - left.mean()) ** 2).sum()))


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
def test_sums_leave_whole_groups_out(name):
    generator = torch.Generator().manual_seed(1)
    truth = torch.randn(20, 1, generator=generator, dtype=torch.float64)
    rows = metric(name).rows(truth + torch.randn(20, 1, generator=generator, dtype=torch.float64), truth)
    assert error_of(moves(metric(name), rows, GROUPS)) == pytest.approx(brute(name, rows))


def test_average_precision_leaves_whole_groups_out():
    truth = torch.tensor([1, 0] * 10)
    scores = torch.rand(20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    rows = metric("average-precision").rows(scores, truth)
    assert error_of(moves(metric("average-precision"), rows, GROUPS)) == pytest.approx(brute("average-precision", rows))


def test_components_of_an_area_add_up_within_groups():
    truth = torch.tensor([1, 0] * 10)
    scores = torch.rand(20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    auc = metric("auc")
    rows = auc.rows(scores, truth)
    area, total = value_of(auc, rows), torch.zeros(6, dtype=torch.float64)
    for i in range(20):
        others = scores[truth != truth[i]]
        below = ((others < scores[i]).double() + 0.5 * (others == scores[i]).double()).mean()
        share = below if truth[i] else 1 - below
        total[GROUPS[i]] += (share - area) / 10
    assert error_of(moves(auc, rows, GROUPS)) == pytest.approx(float((6 / 5 * total.square().sum()).sqrt()))


def test_groups_of_one_are_examples():
    alone = torch.arange(20)
    f1 = metric("f1")
    said, truth = torch.tensor([1, 0, 1, 1] * 5), torch.tensor([1, 0, 0, 1] * 5)
    rows = f1.rows(said, truth)
    assert estimate(f1, rows, groups=alone) == estimate(f1, rows)
    assert torch.allclose(paired_moves(f1, rows, rows.flip(0), alone), paired_moves(f1, rows, rows.flip(0)))


def test_copies_of_one_group_say_no_more_than_one():
    rows = NET.repeat_interleave(3, 0)
    wide = estimate(metric("accuracy"), rows, groups=GROUPS.repeat_interleave(3))
    assert (wide.low, wide.high) == pytest.approx((0.183184, 0.983203), abs=0.05)


def test_fewer_than_five_groups_decide_nothing():
    few = GROUPS.clamp(max=3)
    assert difference(metric("accuracy"), NET, OPPONENT, groups=few).reason == "4 groups are too few; 5 are the least"


def test_rows_of_no_group_stand_alone():
    assert numbered(["a", None, "b", "a", None]).tolist() == [0, 2, 1, 0, 3]


def test_the_groups_of_a_run_are_those_of_its_test_part():
    columns = {"a": np.sin(np.arange(80.0)), "patient": [f"p{i // 4}" for i in range(80)], "target": ["x", "y"] * 40}
    settings = DataSettings(target="target", group="patient")
    dataset = encode(read(columns, settings), settings, seed=0)
    groups = groups_of(dataset, "test")
    assert int(groups.max()) + 1 == len(groups) // 4
    task = task_of("classification", dataset)
    found = evaluate(task, lambda **inputs: torch.zeros(len(next(iter(inputs.values()))), 2), dataset)
    assert found.as_json()["groups"] == len(groups) // 4
