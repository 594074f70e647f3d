"""A GRU over packed rows says what torch's says over padded ones, and its gradients are those of the formula."""

import pytest
import torch
from torch import nn

from thalweg.layers.packed_recurrence import read_packed
from thalweg.layers.padded_recurrence import PaddedRecurrence, reversed_rows

LENGTHS = torch.tensor([3, 6, 0, 1, 6])


def case(*, dtype=torch.float64):
    torch.manual_seed(0)
    gru = nn.GRU(4, 3, batch_first=True).to(dtype)
    x = torch.randn(5, 7, 4, dtype=dtype, requires_grad=True)
    return gru, x, torch.arange(7) < LENGTHS[:, None]


def by_torch(gru, x, mask, *, backwards):
    read = reversed_rows(gru(reversed_rows(x, mask))[0], mask) if backwards else gru(x)[0]
    return read.masked_fill(~mask[:, :, None], 0.0)


@pytest.mark.parametrize("backwards", [False, True])
def test_states_and_gradients_are_those_of_torch(backwards):
    gru, x, mask = case()
    weight = torch.randn(5, 7, 3, dtype=torch.float64)
    found = [read(gru, x, mask, backwards=backwards) for read in (read_packed, by_torch)]
    torch.testing.assert_close(*found, atol=1e-12, rtol=1e-12)
    slopes = [torch.autograd.grad((one * weight).sum(), [x, *gru.parameters()]) for one in found]
    torch.testing.assert_close(*slopes, atol=1e-12, rtol=1e-12)


def test_what_stands_in_padding_changes_nothing():
    gru, x, mask = case()
    other = torch.where(mask[:, :, None], x.detach(), 7.0)
    assert torch.equal(read_packed(gru, x, mask), read_packed(gru, other, mask))


def test_rows_without_any_position_are_zero():
    gru, x, mask = case()
    assert not read_packed(gru, x, torch.zeros_like(mask)).any()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_both_directions_answer_alike_in_training_and_without_slopes(cell):
    torch.manual_seed(0)
    read, (_, x, mask) = PaddedRecurrence(4, 3, cell=cell, both=True), case(dtype=torch.float32)
    with torch.no_grad():
        plain = read(x, mask)
    assert plain.shape == (5, 7, 6)
    torch.testing.assert_close(read(x, mask).detach(), plain, atol=1e-6, rtol=1e-6)
