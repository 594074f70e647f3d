"""Known answers of pairs of numbers: which are found, and what grids say of them."""

import pytest
import torch

from thalweg.core import registry
from thalweg.fields.ports import Port
from thalweg.layers.pairs import LEVELS, PairGrids, interacting
from thalweg.layers.start import Start


def drawn(rows=4000, numbers=4):
    return torch.randn(rows, numbers, generator=torch.Generator().manual_seed(0))


def started(rows, target, **port):
    grids = PairGrids(rows.shape[1], 2, 3)
    batches = [{"x": rows, "y": target}]
    grids.start(rows, Start(batches, Port("y", **port), torch.Generator().manual_seed(0)))
    return grids


def test_the_pair_whose_product_counts_is_found_beside_numbers_that_count_alone():
    x = drawn()
    y = (x[:, 1] * x[:, 3]).sign() + 3 * x[:, 0] + x[:, 2].square()
    assert interacting(x, y[:, None], most=2) == [(1, 3)]


def test_no_pair_is_found_where_numbers_count_alone_or_not_at_all():
    x = drawn()
    assert interacting(x, (x[:, :1].exp() + x[:, 1:2]), most=2) == []
    assert interacting(x, torch.randn(len(x), 1, generator=torch.Generator().manual_seed(1)), most=2) == []


def test_classes_are_told_by_pairs_as_well():
    x = drawn()
    grids = started(x, (x[:, 0] * x[:, 2] > 0).long(), kind="category", size=2)
    assert grids.place[0].tolist() == [0, 2]
    assert grids.live.sum(1).tolist() == [3, 0]  # 4,000 rows fill 32 x 32 points, not 64 x 64; one pair only


def test_before_pairs_are_found_vectors_stay_as_they_are():
    grids, vectors = PairGrids(4, 2, 3), torch.randn(5, 4, 3)
    with torch.no_grad():
        grids.vectors.fill_(1.0)
    assert torch.equal(grids(drawn(5), vectors), vectors)


def test_a_grid_is_straight_between_its_points_and_flat_outside():
    x = torch.rand(4000, 2, generator=torch.Generator().manual_seed(0))
    grids = started(x, ((x - 0.5).prod(1, keepdim=True)).sign(), kind="number", shape=(1,))
    with torch.no_grad():  # the coarsest grid tells its first rank; the others tell nothing
        grids.vectors[: LEVELS[0] ** 2] = torch.arange(LEVELS[0]).repeat_interleave(LEVELS[0])[:, None] / (LEVELS[0] - 1)
    asked = torch.tensor([[0.0, 0.3], [0.25, 0.9], [0.5, 0.1], [9.0, 0.1], [-9.0, 0.1]])
    told = grids(asked, torch.zeros(5, 2, 3))
    assert told[:, 0, 0].tolist() == pytest.approx([0, 0.25, 0.5, 1, 0], abs=0.02)
    assert not told[:, 1].any()


@pytest.mark.parametrize("heap", [0.0, 5.0, 1e-30, 1e30])
def test_what_is_found_is_finite_whatever_the_rows_hold(heap):
    x = drawn(1000, 3)
    x[:, 0] = heap
    x[:900, 1] = 1.0 + torch.arange(900) * 1e-7  # neighbours in float32
    x[0, 2], x[1, 2] = 1e30, -1e30
    settings = registry.settings_of("encoder", "numbers", {"pairs": 2, "rows_per_bin": 1})
    module = registry.load("encoder", "numbers")(Port("x", "numbers", (3,)), settings)
    module.start(Start([{"x": x, "y": x[:, :1] * x[:, 1:2]}], Port("y", "number", (1,)), torch.Generator().manual_seed(0)))
    assert all(one.isfinite().all() for one in module.state_dict().values())
    assert module(x).isfinite().all()
