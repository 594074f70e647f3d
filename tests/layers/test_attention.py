"""Attention is that of the paper, hides what comes later, and goes on from what it remembers."""

import pytest
import torch
from torch.nn import functional

from thalweg.core.errors import UsageRefusal
from thalweg.layers.attention import Attention, Manner
from thalweg.layers.rotary import Rotary


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("causal", [False, True])
def test_it_is_softmax_of_products_over_the_root_of_the_width(causal):
    layer, x = Attention(12, 3, Manner(causal=causal)).double(), drawn(2, 5, 12)
    queries, keys, values = layer.read(x).view(2, 5, 3, 3, 4).unbind(2)  # (B, T, H, d)
    match = torch.einsum("bthd,bshd->bhts", queries, keys) / 2
    hidden = torch.ones(5, 5, dtype=torch.bool).triu(1) & causal
    weight = match.masked_fill(hidden, -torch.inf).softmax(-1)
    expected = layer.write(torch.einsum("bhts,bshd->bthd", weight, values).flatten(2))
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("asked", [1, 3, 6])
def test_the_written_out_products_are_those_of_the_fused_kernels(causal, asked):
    queries, keys, values = drawn(3, 2, 4, 6, 8).unbind(0)
    layer, last = Attention(32, 4, Manner(causal=causal)), queries[:, :, -asked:]
    torch.testing.assert_close(layer._looked(last, keys, values), layer._fused(last, keys, values, 0.0))
    whole = functional.scaled_dot_product_attention(queries, keys, values, is_causal=causal)
    torch.testing.assert_close(layer._looked(last, keys, values), whole[:, :, -asked:])


@pytest.mark.parametrize("cuts", [(1,), (3, 4), (1, 2, 3, 4, 5)])
def test_pieces_one_after_another_answer_as_the_whole(cuts):
    layer, rotary = Attention(12, 3, Manner(causal=True, normalised=True)).double(), Rotary(4, 8, base=100.0).double()
    x, past, said = drawn(2, 6, 12), None, []
    for piece in x.tensor_split(cuts, dim=1):
        answer, past = layer.continued(piece, past, rotary)
        said.append(answer)
    torch.testing.assert_close(torch.cat(said, 1), layer(x, rotary))


def test_turned_rows_keep_their_length_and_their_products_tell_distances_alone():
    rotary, x, y = Rotary(6, 32, base=50.0), drawn(1, 6), drawn(1, 6, seed=1)
    turned = [[(rotary(x, i) @ rotary(y, i + apart).mT).item() for i in (0, 3, 20)] for apart in (0, 5)]
    assert turned[0] == pytest.approx([(x @ y.mT).item()] * 3, abs=1e-5)
    assert turned[1] == pytest.approx([turned[1][0]] * 3, abs=1e-5)
    assert turned[1][0] != pytest.approx(turned[0][0], abs=1e-3)
    assert rotary(x, 7).norm() == pytest.approx(x.norm().item(), abs=1e-6)


@pytest.mark.parametrize("made", [lambda: Attention(10, 3, Manner()), lambda: Rotary(5, 8, base=10.0)])
def test_widths_that_cannot_be_divided_are_refused(made):
    with pytest.raises(UsageRefusal, match="cannot be"):
        made()
