"""Fixed kernels over series: the published counts, and padding that changes nothing."""

import math

import numpy as np
import pytest
import torch

from thalweg.fields.ports import Port
from thalweg.layers.competing_kernels import CompetingKernels
from thalweg.layers.random_kernels import RandomKernels, dilations_of, heavy_kernels
from thalweg.layers.start import Start

PORT = Port("x", "series", (2, None), masked=True, longest=40)


def rows(length=40, *, padding=0.0):
    generator = torch.Generator().manual_seed(0)
    x, lengths = torch.randn(12, 2, length, generator=generator), torch.arange(12) + 20
    mask = torch.arange(length) < lengths[:, None]
    return {"x": torch.where(mask[:, None], x, padding), "x_mask": mask}


def shares(features=840):
    kernels = RandomKernels(PORT, features=features)
    kernels.start(Start([rows()], None, torch.Generator().manual_seed(1)))
    return kernels


def means():
    kernels = RandomKernels(PORT, features=420, means=True)
    kernels.start(Start([rows()], None, torch.Generator().manual_seed(1)))
    return kernels


def competing():
    torch.manual_seed(0)
    return CompetingKernels(PORT, groups=4, kernels=8)


def test_there_are_84_kernels_that_see_no_level():
    kernels = heavy_kernels()
    assert kernels.shape == (84, 9)
    assert not kernels.sum(1).any()
    assert len(kernels.unique(dim=0)) == 84


def test_ten_thousand_features_are_9996_shared_among_dilations_as_published():
    assert RandomKernels(Port("x", "series", (1, 140)), features=10_000).width == 9_996
    dilations = dilations_of(140, 119)
    assert sum(count for _, count in dilations) == 119
    theirs, counts = np.unique(np.logspace(0, np.log2(139 / 8), 32, base=2).astype(int), return_counts=True)
    assert [dilation for dilation, _ in dilations] == theirs.tolist()
    least = (counts * 119 / 32).astype(int)
    assert all(0 <= count - fewest <= 1 for (_, count), fewest in zip(dilations, least, strict=True))
    assert dilations_of(9, 119) == [(1, 119)]


@pytest.mark.parametrize("make", [shares, means, competing])
def test_neither_the_content_nor_the_length_of_padding_changes_the_answer(make):
    kernels = make()
    batch, other = rows(), rows(padding=7.0)
    longer = {
        "x": torch.nn.functional.pad(batch["x"], (0, 9), value=3.0),
        "x_mask": torch.nn.functional.pad(batch["x_mask"], (0, 9)),
    }
    answer = kernels(batch["x"], batch["x_mask"])
    assert answer.shape == (12, kernels.width)
    assert torch.allclose(kernels(other["x"], other["x_mask"]), answer, atol=1e-5)
    assert torch.allclose(kernels(longer["x"], longer["x_mask"]), answer, atol=1e-5)
    alone = kernels(batch["x"][:1, :, :20])
    assert torch.allclose(alone, answer[:1], atol=1e-5)


def test_shares_by_hand():
    kernels = RandomKernels(Port("x", "series", (1, 12)), features=84)
    x = torch.randn(1, 1, 12, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(x[0, 0], (4, 4))
    answers = torch.stack([padded[step : step + 9] @ heavy_kernels()[0] for step in range(12)])
    assert math.isclose(float(kernels(x)[0, 0]), float((answers > 0).float().mean()), abs_tol=1e-6)
    inner = torch.stack([padded[step : step + 9] @ heavy_kernels()[1] for step in range(4, 8)])
    assert math.isclose(float(kernels(x)[0, 1]), float((inner > 0).float().mean()), abs_tol=1e-6)


def test_means_by_hand_follow_the_same_shares():
    kernels, x = means(), rows()["x"][:2]
    found, alone = kernels(x), RandomKernels(PORT, features=420)
    alone.load_state_dict(kernels.state_dict())
    assert torch.equal(found[:, :420], alone(x))
    padded = torch.nn.functional.pad((x * kernels.chosen[0, 0][:, None]).sum(1), (4, 4))
    answers = torch.stack([padded[:, step : step + 9] @ heavy_kernels()[0] for step in range(40)], 1)
    excess = [one[one > kernels.biases[0, 0]] - kernels.biases[0, 0] for one in answers]
    torch.testing.assert_close(found[:, 420], torch.stack([one.mean() for one in excess]))
    kernels.biases.fill_(1e9)
    assert not kernels(x).any()


def test_biases_lie_within_what_the_kernels_answer():
    kernels = shares()
    found = kernels(rows()["x"], rows()["x_mask"])
    assert 0.2 < float(found.mean()) < 0.8
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-6
