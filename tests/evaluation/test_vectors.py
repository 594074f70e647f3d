"""Known answers, made by statsmodels, scipy, scikit-learn and brute force."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from thalweg.core import registry
from thalweg.evaluation import clopper_pearson as shares
from thalweg.evaluation.intervals import newcombe, on_logit_scale
from thalweg.evaluation.leaving_out import error_of, moves, value_of
from thalweg.evaluation.one_metric import estimate
from thalweg.evaluation.paired import difference, mover, paired_moves, shares_differ, shares_differ_in_groups
from thalweg.evaluation.repeated import over_folds, over_seeds

CLOSE = 2e-6


def metric(name: str):
    return registry.load("metric", name)(registry.settings_of("metric", name))


def near(*numbers: float):
    return pytest.approx(numbers, abs=CLOSE)


def test_clopper_pearson():
    assert shares.clopper_pearson(20, 20) == near(0.831567, 1)
    assert shares.clopper_pearson(87, 100) == near(0.787959, 0.928927)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((12, 5, 200), -0.007369, 0.076676),
        ((6, 0, 50), 0.013494, 0.217275),
        ((5, 0, 50), -0.000083, 0.192391),
        ((0, 0, 40), -0.065995, 0.065995),
    ],
)
def test_paired_shares(counts, low, high):
    found = shares_differ(*counts)
    assert (found.low, found.high) == near(low, high)


def test_the_tests_behind_paired_shares():
    found = shares_differ(12, 5, 200)
    assert (found.p, found.mid_p) == near(0.106038, 0.096252)


def losses(values: list[float]) -> torch.Tensor:
    return torch.tensor([[value, 1.0] for value in values], dtype=torch.float64)


FIRST = losses([0.12, 0.80, 0.33, 1.90, 0.05, 0.41, 0.27, 0.66, 0.09, 0.54])
SECOND = losses([0.20, 0.95, 0.30, 2.70, 0.11, 0.38, 0.52, 0.71, 0.15, 0.90])


def test_mean_losses():
    found = difference(metric("log-loss"), FIRST, SECOND)
    assert (-found.value, -found.high, -found.low) == near(-0.175, -0.354434, 0.004434)
    assert found.p == pytest.approx(0.054779, abs=CLOSE)
    assert estimate(metric("log-loss"), FIRST)[:3] == near(0.517, 0.243009, 1.099913)


def test_root_mean_squared_error():
    y = torch.arange(1.0, 11.0, dtype=torch.float64)
    a = torch.tensor([1.1, 1.8, 3.4, 3.9, 5.2, 5.5, 7.3, 8.1, 8.7, 10.4], dtype=torch.float64)
    b = torch.tensor([1.5, 1.6, 3.1, 4.6, 5.1, 6.8, 6.4, 8.3, 9.9, 9.2], dtype=torch.float64)
    rmse = metric("rmse")
    net, opponent = rmse.rows(a, y), rmse.rows(b, y)
    found = difference(rmse, net, opponent)
    assert (-found.value, -found.high, -found.low) == near(-0.283804, -0.441664, -0.125944)
    assert error_of(moves(rmse, net) - moves(rmse, opponent)) == pytest.approx(0.069783, abs=CLOSE)
    assert estimate(rmse, net)[:3] == near(0.293258, 0.207461, 0.414536)


def test_f1_with_phantoms():
    y = torch.tensor([1] * 8 + [0] * 12)
    a = torch.tensor([1] * 7 + [0] * 11 + [1, 0])
    b = torch.tensor([1, 1, 1, 1, 0, 1, 0, 0] + [0] * 9 + [1, 1, 0])
    f1 = metric("f1")
    net, opponent = f1.rows(a, y), f1.rows(b, y)
    found = difference(f1, net, opponent)
    assert estimate(f1, net)[:3] == near(0.875, 0.571333, 0.985727)
    assert (found.value, found.centre, found.low, found.high) == near(0.208333, 0.175439, -0.128967, 0.479844)
    assert error_of(paired_moves(f1, net, opponent)) == pytest.approx(0.145438, abs=CLOSE)


RANKED = torch.tensor([1] * 5 + [0] * 7)
A = torch.tensor([0.9, 0.8, 0.7, 0.65, 0.3, 0.6, 0.5, 0.4, 0.35, 0.2, 0.15, 0.1])
B = torch.tensor([0.6, 0.9, 0.45, 0.7, 0.25, 0.8, 0.5, 0.3, 0.65, 0.2, 0.1, 0.05])


def test_area_under_roc():
    auc = metric("auc")
    net, opponent = auc.rows(A, RANKED), auc.rows(B, RANKED)
    ours, theirs = moves(auc, net), moves(auc, opponent)
    assert (value_of(auc, net), value_of(auc, opponent)) == near(0.885714, 0.714286)
    assert error_of(ours - theirs) == pytest.approx(0.123993, abs=CLOSE)
    correlation = float((ours * theirs).sum()) / (error_of(ours) * error_of(theirs))
    assert correlation == pytest.approx(0.636715, abs=CLOSE)
    assert on_logit_scale(value_of(auc, net), error_of(ours), df=4) == near(0.218035, 0.995379)
    assert newcombe(value_of(auc, net), 5, 7) == near(0.542342, 0.977889)
    found = difference(auc, net, opponent)
    assert (found.low, found.high) == near(-0.375166, 0.600237)
    assert found.p is None


def test_a_perfect_area_under_roc_is_not_certain():
    assert newcombe(1.0, 5, 20)[0] == pytest.approx(0.760699, abs=CLOSE)


@given(st.floats(0, 1), st.integers(1, 5000), st.integers(1, 5000))
def test_the_ends_of_an_area_solve_newcombes_equation(area, positives, negatives):
    z, half = 1.959963984540054, (positives + negatives) / 2 - 1

    def spread(theta):
        return theta * (1 - theta) * (1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)) / positives / negatives

    low, high = newcombe(area, positives, negatives)
    assert 0 <= low <= area <= high <= 1
    for end, side in ((low, area if area < 1 else 1 - 1e-12), (high, area if area > 0 else 1e-12)):
        if 0 < end < 1 and abs(end - side) > 1e-9:
            assert end == pytest.approx(brentq(lambda x: (x - area) ** 2 - z**2 * spread(x), *ends(end, area)), abs=1e-9)


def ends(end, area):
    """Where to look for an end."""
    return (
        (1e-9 if area == 1 else 0.0, min(area, 1 - 1e-12)) if end < area else (max(area, 1e-12), 1 - 1e-9 if area == 0 else 1.0)
    )


def test_average_precision():
    precision = metric("average-precision")
    net, opponent = precision.rows(A, RANKED), precision.rows(B, RANKED)
    assert (value_of(precision, net), value_of(precision, opponent)) == near(0.911111, 0.678730)
    assert error_of(moves(precision, net) - moves(precision, opponent)) == pytest.approx(0.198638, abs=CLOSE)


def bits(text: str) -> np.ndarray:
    return np.array([sign == "1" for sign in text.replace(" ", "")])


def test_groups():
    net, opponent = bits("1110 111 00100 11 1111 10"), bits("1010 110 00101 10 1101 10")
    group = np.repeat(np.arange(6), [4, 3, 5, 2, 4, 2])
    right, size = np.bincount(group, net), np.bincount(group).astype(float)
    assert right.sum() / size.sum() == pytest.approx(0.7)
    assert shares.effective_size(right, size) == pytest.approx(4.404723, abs=CLOSE)
    assert shares.clopper_pearson_of_groups(right, size) == near(0.183184, 0.983203)
    found = shares_differ_in_groups(net, opponent, group)
    assert (found.low, found.high) == near(-0.214426, 0.480036)


def test_seeds():
    low, high = over_seeds([0.012, 0.021, 0.008, 0.017, 0.015], 0.004, units=2000)
    assert ((low + high) / 2, (high - low) / 2) == near(0.0146, 0.009950)


def test_folds():
    found = [0.05, 0, 0.1, -0.05, 0.05, 0, 0.05, 0.1, 0, 0.05, -0.05, 0.05, 0.05, 0.1, 0, 0.05, 0, 0.05, 0.1, -0.05]
    assert over_folds(found) == near(-0.042630, 0.107630)
    assert np.mean(found) == pytest.approx(0.0325)


def test_a_gap_between_subgroups():
    alpha = 0.05 / 4
    ends = [shares.clopper_pearson(k, n, alpha=alpha) for k, n in ((12, 40), (30, 300))]
    assert mover(0.3, ends[0], 0.1, ends[1]) == near(0.030226, 0.411662)


def test_shares_differ_by_1_at_most():
    assert shares_differ(6, 0, 6).high == 1.0
    assert shares_differ(0, 6, 6).low == -1.0


def test_counts_of_several_per_example_are_paired_by_leaving_examples_out():
    generator = torch.Generator().manual_seed(0)
    shown = torch.randint(1, 5, (60,), generator=generator).double()
    right = (shown * torch.rand(60, generator=generator)).round()
    worse = (right - 1).clamp(min=0)
    found = difference(metric("accuracy"), torch.stack([right, shown], 1), torch.stack([worse, shown], 1))
    assert found.low > 0
    assert found.mid_p is None
