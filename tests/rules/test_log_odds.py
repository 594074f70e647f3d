"""Scores of rows left out made into logarithms of odds: known answers, another search, and few rows."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax

from thalweg.rules._log_odds import VARIANCE, log_odds, sharpest


def drawn(rows, *, shares=(0.5, 0.5), clear=(1.0, 1.0), seed=0):
    """Scores of regressions that see the classes more or less clearly (S, N, M), and the classes (N,)."""
    generator = np.random.default_rng(seed)
    classes = generator.choice(len(shares), rows, p=shares)
    seen = np.eye(len(shares))[classes]
    scores = [0.5 * one * seen + 0.5 * generator.normal(size=seen.shape) for one in clear]
    return torch.tensor(np.stack(scores)), torch.tensor(classes)


def test_scores_become_as_sharp_as_they_are_right_and_a_little_less():
    scores = torch.tensor([[1.0, 0.0]] * 4)
    right = 0.75 * (1 - 1 / 6) + 1 / 12  # a sixth of the four rows' certainty is shared between both classes
    assert sharpest(scores, torch.tensor([0, 0, 0, 1])) == pytest.approx(np.log(right / (1 - right)), abs=0.01)


def test_a_few_rows_that_are_all_told_right_do_not_ask_for_certainty():
    scores = torch.eye(2)[torch.arange(6) % 2][None]
    counts, _ = log_odds(scores, torch.arange(6) % 2)
    assert counts[0] == pytest.approx(np.log(15), rel=0.02)  # of 1 - 1/8 + 1/16 to 1/16
    assert counts[0] < 64


@pytest.mark.parametrize("rows", [12, 200, 2000])
def test_counts_and_biases_are_those_of_another_search(rows):
    scores, classes = drawn(rows, shares=(0.6, 0.3, 0.1), clear=(3.0, 0.5, 1.0))
    sharp, smooth = sharpest(scores.mean(0), classes) / 3, 1 / (rows + 2)
    wanted = (1 - smooth) * np.eye(3)[classes.numpy()] + smooth / 3

    def cost(asked):
        odds = np.einsum("s,snm->nm", sharp * asked[:3], scores.numpy()) + asked[3:]
        far = asked - [1, 1, 1, 0, 0, 0]
        return -(wanted * log_softmax(odds, axis=1)).sum() + (far @ far) / (2 * VARIANCE)

    theirs = minimize(cost, [1.0] * 3 + [0.0] * 3, method="Powell", tol=1e-10).x  # without slopes
    counts, bias = log_odds(scores, classes)
    np.testing.assert_allclose(counts / sharp, theirs[:3], atol=1e-4)
    np.testing.assert_allclose(bias, theirs[3:], atol=1e-4)


def test_few_rows_change_little_and_thousands_as_much_as_they_say():
    few, many = (log_odds(*drawn(rows, shares=(0.9, 0.1), clear=(1.0, 0.0)))[0] for rows in (10, 3000))
    assert few[1] / few[0] > 0.6
    assert many[1] / many[0] < 0.2


def test_what_says_nothing_leaves_the_shares_of_the_classes():
    _, classes = drawn(3000, shares=(0.9, 0.1))
    _, bias = log_odds(torch.zeros(2, 3000, 2), classes)
    shares = torch.softmax(bias, 0)
    assert float(shares[0]) == pytest.approx(float((classes == 0).double().mean()), abs=0.01)
