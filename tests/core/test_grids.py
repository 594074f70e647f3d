"""Places on grids: as torch counts them."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from thalweg.core.grids import unravelled


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_places_are_those_that_torch_finds(shape):
    index = torch.arange(torch.Size(shape).numel()).reshape(-1, 1)
    for ours, theirs in zip(unravelled(index, shape), torch.unravel_index(index, shape), strict=True):
        assert torch.equal(ours, theirs)
