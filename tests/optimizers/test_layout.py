"""Gradients reach optimizers in their parameters' order in memory: fused kernels read both without looking at strides."""

import pytest
import torch
from torch import nn

from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.core.settings import Choice
from thalweg.optimizers._descent import DescentSettings, Slope, make_descent

AT = Position(total=10)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "adagrad", "muon"])
def test_the_order_of_a_gradient_in_memory_does_not_change_the_update(optimizer):
    weight, gradient = torch.randn(4, 6), torch.randn(6, 4).t()  # as einsum gives it
    moved = []
    for given in (gradient, gradient.contiguous()):
        parameter = nn.Parameter(weight.clone())
        slope = Slope([given], torch.tensor(1.0), torch.tensor(1.0))
        settings = DescentSettings(optimizer=Choice(name=optimizer))
        descent = make_descent({"weight": parameter}, settings, processes=Processes())
        descent.update(slope, AT, again=lambda slope=slope: slope)
        moved.append(parameter.detach())
    assert torch.equal(*moved)
    assert not torch.equal(moved[0], weight)


def test_weights_in_channels_last_learn_as_plain_ones_do():
    weight, gradient = torch.randn(4, 6, 3, 3), torch.randn(4, 6, 3, 3)
    moved = []
    for order in (torch.channels_last, torch.contiguous_format):
        parameter = nn.Parameter(weight.clone().contiguous(memory_format=order))
        descent = make_descent({"weight": parameter}, DescentSettings(), processes=Processes())
        descent.update(Slope([gradient], torch.tensor(1.0), torch.tensor(1.0)), AT)
        moved.append(parameter.detach())
    torch.testing.assert_close(*moved, rtol=0, atol=1e-7)
