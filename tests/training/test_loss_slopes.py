"""The slope of one's own loss is tried before the first step, beside finite differences, and nothing is changed by that."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import thalweg as tw


class HalfSlope(torch.autograd.Function):
    """x, with a backward that gives half of the slope."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, slope):
        return slope / 2


class Counting(nn.Module):
    """Cross-entropy whose later calls weigh more, by a buffer that counts them."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, output, target):
        self.calls += 1
        return F.cross_entropy(output, target, reduction="none") * (1 + self.calls / 100)


def told(loss, tmp_path, **options):
    """What is said of a loss's slope when it is trained by."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tw.train("iris", loss=loss, epochs=1, compare=False, out=tmp_path / "run", **options)
    return [str(one.message) for one in said if "slope of your loss" in str(one.message)]


@pytest.mark.parametrize(
    "loss",
    [
        lambda output, target: F.cross_entropy(HalfSlope.apply(output), target, reduction="none"),
        lambda output, target: F.cross_entropy(output, target) * output.detach().std(),
    ],
)
def test_num_24_a_wrong_slope_of_ones_own_loss_is_told_before_training_with_the_largest_error(loss, tmp_path):
    [said] = told(loss, tmp_path)
    assert "by finite differences" in said
    assert "the largest error of" in said


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(label_smoothing=0.1),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0])),  # weights of float32: it cannot be tried in float64
        lambda output, target: F.multi_margin_loss(output, target, reduction="none"),
        lambda output, target: F.cross_entropy(F.dropout(output, 0.5), target),
    ],
)
def test_a_right_slope_is_not_told_of(loss, tmp_path):
    assert told(loss, tmp_path) == []


def test_trying_a_loss_leaves_what_it_holds_as_it_was(tmp_path):
    loss = Counting()
    told(loss, tmp_path, batch_size=32)
    steps = 3  # of 90 rows
    assert int(loss.calls) == steps + 1, "the rehearsal calls it once, as it did before slopes were tried"
