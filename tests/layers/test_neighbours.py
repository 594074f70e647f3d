"""Known answers of neighbours: who tells, what is told, and when nothing is."""

import pytest
import torch

from thalweg.fields.ports import Port
from thalweg.layers.neighbours import COUNTS, FEWEST, WIDTH, Neighbours
from thalweg.layers.start import Start

MEAN, DRIFTED = 2, 3  # of the many


def drawn(rows=FEWEST, numbers=4):
    return torch.randn(rows, numbers, generator=torch.Generator().manual_seed(0))


def started(x, y, *, kept=1536, **port):
    module = Neighbours(x.shape[1], kept)
    target = Port("y", **(port or {"kind": "number", "shape": (1,)}))
    module.start(x, Start([{"x": x, "y": y}], target, torch.Generator().manual_seed(0)))
    return module


@pytest.fixture(scope="module")
def places():
    """Rows whose target hangs on a place (numbers 1 and 3) and, straight, on number 0."""
    x = drawn()
    y = (2 * x[:, 1] * x[:, 3]).sin() + 2 * x[:, 0]
    return x, y, started(x, y[:, None])


def test_the_plane_whose_neighbours_tell_most_is_chosen(places):
    assert sorted(places[2].axes.tolist()) == [1, 3]


def test_a_training_row_is_told_by_the_others_alone(places):
    x, y, module = places
    apart = torch.cdist(x[:, [1, 3]].double(), x[:, [1, 3]].double()).fill_diagonal_(torch.inf)
    near, rows = apart.topk(COUNTS[0], largest=False)
    weight = 1 / (near + near.mean(1, keepdim=True))
    expected = (weight * y.double()[rows]).sum(1) / weight.sum(1)
    assert torch.allclose(module.train()(x)[:, 0].double(), expected, atol=1e-3)


def test_new_rows_are_told_by_all_and_each_by_itself(places):
    x, y, module = places
    told = module.eval()(x[:50])
    assert (told[:, 0] - y[:50]).abs().mean() < (module.train()(x[:50])[:, 0] - y[:50]).abs().mean()
    module.eval()
    assert torch.allclose(torch.cat([module(row[None]) for row in x[:50]]), told, atol=1e-5)


def test_the_drift_says_what_a_row_like_this_would_be_there(places):
    x, y, module = places
    error = (module.train()(x) - y[:, None]).square().mean(0)
    assert error[MEAN] > 3.0
    assert error[DRIFTED] < 0.5


def test_of_classes_one_is_told():
    x = drawn()
    module = started(x, (x[:, 0] * x[:, 2] > 0).long(), kind="category", size=2)
    told = module.train()(x)[:, MEAN]
    assert told.min() >= 0
    assert told.max() <= 1 + 1e-6
    assert sorted(module.axes.tolist()) == [0, 2]


@pytest.mark.parametrize("reason", ["rows do not fit", "no plane tells anything"])
def test_nothing_is_told_where(reason):
    x = drawn()
    noise = torch.randn(len(x), 1, generator=torch.Generator().manual_seed(1))
    y = noise if reason == "no plane tells anything" else x[:, 1:2] * x[:, 3:]
    x, y = (torch.cat([one, one]) if reason == "rows do not fit" else one for one in (x, y))
    module = started(x, y)
    assert not module.train()(x).any()
    assert not module.eval()(x).any()
    assert module(x).shape == (len(x), WIDTH)


@pytest.mark.parametrize("heap", [0.0, 1e30])
def test_what_is_told_is_finite_whatever_the_rows_hold(heap):
    x = drawn()
    x[:, 0] = heap
    x[:900, 1] = 1.0 + torch.arange(900) * 1e-7  # neighbours in float32
    x[0, 2], x[1, 2] = 1e30, -1e30
    module = started(x, x[:, 1:2] * x[:, 3:])
    assert all(one.isfinite().all() for one in module.state_dict().values())
    assert module.train()(x).isfinite().all()
    assert module.eval()(torch.cat([x, -x])).isfinite().all()
