"""Normalisations equal their papers' equations in numpy, and torch's own modules."""

import numpy as np
import pytest
import torch
from torch import nn

from thalweg.core.errors import UsageRefusal
from thalweg.layers.build import build_normalisation

X = torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 + 1


def standardised(x, axes, *, epsilon=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


REFERENCES = {
    "batch": lambda x: standardised(x, (0, 2)),
    "layer": lambda x: standardised(x, (1,)),
    "group": lambda x: standardised(x.reshape(4, 2, 3, 5), (2, 3)).reshape(x.shape),
    "instance": lambda x: standardised(x, (2,)),
    "rms": lambda x: x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-5),
    "none": lambda x: x,
}


@pytest.mark.parametrize("name", REFERENCES)
def test_it_equals_its_equation(name):
    answer = build_normalisation(name, 6, dims=1).double()(X)
    np.testing.assert_allclose(answer.detach().numpy(), REFERENCES[name](X.numpy()), atol=1e-12)


@pytest.mark.parametrize("name", REFERENCES)
def test_scale_and_shift_act_on_channels(name):
    module = build_normalisation(name, 6, dims=1).double()
    scale, shift = torch.arange(1.0, 7.0, dtype=torch.float64), torch.arange(6.0, dtype=torch.float64)
    expected = torch.from_numpy(REFERENCES[name](X.numpy()))
    for key, value in module.named_parameters():
        value.data.copy_(scale if key == "weight" else shift)
        expected = expected * scale[:, None] if key == "weight" else expected + shift[:, None]
    mask = torch.ones(4, 5, dtype=torch.bool)
    assert torch.allclose(module(X), expected, atol=1e-12)
    assert torch.allclose(module(X, mask), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("dims", "shape"), [(0, (8, 6)), (0, (4, 3, 6)), (1, (4, 6, 5)), (2, (2, 6, 3, 4)), (3, (2, 6, 2, 3, 2))]
)
@pytest.mark.parametrize("name", ["batch", "layer", "group", "rms", "none"])
def test_any_number_of_axes_is_taken(name, dims, shape):
    x = torch.randn(shape)
    mask = torch.ones((*shape[:-1],) if dims == 0 else (shape[0], *shape[2:]), dtype=torch.bool)
    module = build_normalisation(name, 6, dims=dims)
    assert torch.allclose(module(x), module(x, mask), atol=1e-5)


def test_masked_batch_statistics_are_those_of_the_real_positions():
    mask = torch.arange(5) < torch.tensor([[5], [2], [3], [1]])
    module = build_normalisation("batch", 6, dims=1).double()
    answer = module(X, mask)
    real = X.movedim(1, -1)[mask]
    plain = nn.BatchNorm1d(6).double()
    assert torch.allclose(answer.movedim(1, -1)[mask], plain(real), atol=1e-12)
    assert torch.allclose(module.running_mean, plain.running_mean, atol=1e-12)
    assert torch.allclose(module.running_var, plain.running_var, atol=1e-12)
    assert module.num_batches_tracked == 1


def test_a_torch_state_dict_loads():
    module = build_normalisation("batch", 6, dims=2)
    module.load_state_dict(nn.BatchNorm2d(6).state_dict())
    assert isinstance(module, nn.modules.batchnorm._BatchNorm)


def test_low_precision_moments_are_taken_in_float32():
    x = torch.full((2, 6, 400), 300.0, dtype=torch.bfloat16)
    mask = torch.ones(2, 400, dtype=torch.bool)
    answer = build_normalisation("batch", 6, dims=1)(x, mask)
    assert answer.dtype == torch.bfloat16
    assert (answer == 0).all()


def test_a_batch_of_padding_alone_stays_finite():
    answer = build_normalisation("batch", 6, dims=1)(torch.randn(2, 6, 3), torch.zeros(2, 3, dtype=torch.bool))
    assert (answer == 0).all()


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(UsageRefusal, match="6 channels cannot be divided into 4"):
        build_normalisation("group", 6, dims=1, given={"groups": 4})


def test_instances_without_positions_are_refused():
    with pytest.raises(UsageRefusal, match="positions"):
        build_normalisation("instance", 6, dims=0)
