"""Stacks, residual blocks, masked convolutions and features of scalars."""

import itertools
import math

import pytest
import torch
from torch import nn

from thalweg.core.errors import UsageRefusal
from thalweg.layers.build import build_dropout
from thalweg.layers.initialisations import zero_last
from thalweg.layers.linear_stack import LinearStack
from thalweg.layers.masked_convolution import convolved_mask, masked_convolution
from thalweg.layers.residual import PreactivatedBlock, ResidualBlock
from thalweg.layers.scalar_features import FourierFeatures, SinusoidalFeatures

BLOCKS = [ResidualBlock, PreactivatedBlock]


def rows(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_stack_has_the_parameters_of_its_widths():
    stack = LinearStack(784, [128, 64])
    assert sum(parameter.numel() for parameter in stack.parameters()) == 784 * 128 + 128 + 128 * 64 + 64
    assert stack.width == 64
    assert stack(torch.randn(5, 784)).shape == (5, 64)


def test_a_stack_equals_its_layers_one_by_one():
    stack = LinearStack(3, [4, 2], activation="tanh").double()
    x = rows(5, 3)
    first, second = (layer.linear for layer in stack.layers)
    assert torch.allclose(stack(x), (((x @ first.weight.T + first.bias).tanh()) @ second.weight.T + second.bias).tanh())


def test_an_empty_stack_is_the_identity():
    stack, x = LinearStack(3, []), torch.randn(2, 3)
    assert stack.width == 3
    assert stack(x) is x


def test_a_stack_normalises_and_drops_as_asked():
    stack = LinearStack(3, [4], normalisation="batch", dropout="gaussian", dropout_probability=0.3)
    assert isinstance(stack.layers[0].normalisation, nn.modules.batchnorm._BatchNorm)
    assert not torch.equal(stack(torch.ones(6, 3)), stack(torch.ones(6, 3)))


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_block_halves_and_widens(block, dims):
    answer, mask = block(4, 6, dims=dims, stride=2)(torch.randn(2, 4, *[5] * dims))
    assert answer.shape == (2, 6, *[3] * dims)
    assert mask is None


def test_a_residual_block_has_the_published_number_of_parameters():
    # the first block of ResNet-18's second stage: 3x3x64x128 + 3x3x128x128 + 64x128 and three batch norms of 128
    assert sum(parameter.numel() for parameter in ResidualBlock(64, 128, stride=2).parameters()) == 230_144


@pytest.mark.parametrize("normalisation", ["batch", "layer", "group", "none"])
@pytest.mark.parametrize(("outputs", "stride"), [(4, 1), (6, 1), (6, 2)])
@pytest.mark.parametrize("block", BLOCKS)
def test_padding_does_not_change_a_block(block, outputs, stride, normalisation):
    torch.manual_seed(0)
    module = block(4, outputs, dims=1, stride=stride, normalisation=normalisation, activation="sigmoid").double()
    short, mask = rows(3, 4, 7), torch.arange(7) < torch.tensor([[7], [4], [5]])
    padded = torch.cat([short.masked_fill(~mask.unsqueeze(1), 1e6), torch.full((3, 4, 6), 1e6, dtype=torch.float64)], dim=2)
    wide = torch.cat([mask, torch.zeros(3, 6, dtype=torch.bool)], dim=1)
    (first, real), (second, still_real) = module(short, mask), module(padded, wide)
    length = first.shape[2]
    assert torch.allclose(first, second[..., :length], atol=1e-10)
    assert torch.equal(real, still_real[:, :length])
    assert not still_real[:, length:].any()
    assert (second[..., length:] == 0).all()


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_with_a_zero_branch_passes_its_input_on(block):
    module = block(4, 4, dims=1, normalisation="none", activation="relu")
    zero_last(module)
    x = torch.rand(2, 4, 5)
    assert torch.allclose(module(x)[0], x)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_dropped_branch_leaves_the_shortcut(block):
    torch.manual_seed(0)
    module = block(4, 4, dims=1, normalisation="none", drop=build_dropout("stochastic-depth", 0.5))
    x = torch.rand(40, 4, 5)
    kept = (module(x)[0] == x).flatten(1).all(1)
    assert 5 < int(kept.sum()) < 35


@pytest.mark.parametrize("block", BLOCKS)
def test_gradients_of_a_block_are_right(block):
    module = block(2, 3, dims=1, stride=2, activation="tanh").double()
    mask = torch.arange(4) < torch.tensor([[4], [3]])
    assert torch.autograd.gradcheck(lambda x: module(x, mask)[0], rows(2, 2, 4).requires_grad_())


REACHING = [
    (kernel, dilation, padding)
    for kernel, dilation, padding in itertools.product((1, 2, 3, 5), (1, 2), (0, 1, 2))
    if dilation * (kernel - 1) >= padding  # others would answer from padding alone
]


@pytest.mark.parametrize(("kernel", "dilation", "padding"), REACHING)
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_padded_row_is_convolved_as_if_it_had_come_alone(kernel, stride, dilation, padding):
    convolution = nn.Conv1d(2, 3, kernel, stride=stride, dilation=dilation, padding=padding).double()
    x, length = rows(1, 2, 20), 11
    mask = (torch.arange(20) < length).unsqueeze(0)
    answer, answered = masked_convolution(convolution, x, mask)
    alone = convolution(x[..., :length])
    assert answered.sum() == alone.shape[2]
    assert torch.allclose(answer[..., : alone.shape[2]], alone)
    assert (answer[..., alone.shape[2] :] == 0).all()


def test_masks_of_pictures_follow_both_axes():
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[:, :5, :3] = True
    halved = convolved_mask(nn.Conv2d(1, 1, 3, stride=2, padding=1), mask)
    assert halved[0].any(1).tolist() == [True] * 3 + [False]
    assert halved[0].any(0).tolist() == [True] * 2 + [False] * 2
    assert torch.equal(convolved_mask(nn.Conv2d(1, 1, 3, padding="same"), mask), mask)


def test_sinusoids_run_from_the_fastest_to_the_slowest():
    x = torch.tensor([0.0, 2.0], dtype=torch.float64)
    answer = SinusoidalFeatures(6, longest=100.0)(x)
    frequencies = [1.0, 0.1, 0.01]
    expected = [[math.sin(value * f) for f in frequencies] + [math.cos(value * f) for f in frequencies] for value in x.tolist()]
    assert torch.allclose(answer, torch.tensor(expected, dtype=torch.float64), atol=1e-7)


def test_fourier_features_are_those_of_their_projections():
    features = FourierFeatures(2, 8, generator=torch.Generator().manual_seed(0), scale=3.0)
    x = rows(5, 2)
    angles = 2 * math.pi * x @ features.projections.double()
    assert torch.allclose(features(x), torch.cat([angles.cos(), angles.sin()], -1))
    assert list(features.state_dict()) == ["projections"]
    assert not list(features.parameters())


@pytest.mark.parametrize("width", [5, 2])
def test_widths_without_two_halves_are_refused(width):
    with pytest.raises(UsageRefusal, match=f"got {width}"):
        SinusoidalFeatures(width)
