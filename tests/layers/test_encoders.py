"""Known answers of encoders, and of starts from data."""

import pytest
import torch
from torch import nn

from thalweg.core import registry
from thalweg.fields.ports import Port
from thalweg.layers.encoded import EncodedForMembers
from thalweg.layers.encoders.numbers import edges_of
from thalweg.layers.start import Start, StartsFromData, start_from_data


def numbers(rows, **settings):
    rows = torch.tensor(rows)
    port = Port("numbers", "numbers", rows.shape[1:])
    module = registry.load("encoder", "numbers")(port, registry.settings_of("encoder", "numbers", settings))
    start_from_data(module, Start([{"numbers": rows[:3]}, {"numbers": rows[3:]}], None, torch.Generator().manual_seed(0)))
    return module


class TestBins:
    def test_edges_hold_equally_many_rows(self):
        found, counts = torch.arange(101.0), torch.ones(101)
        assert edges_of(found, counts, 4).tolist() == [0, 25, 50, 75, 100]

    def test_a_heap_of_equal_values_takes_one_bin(self):
        found, counts = (
            torch.cat([torch.zeros(1), torch.arange(1.0, 101.0)]),
            torch.cat([torch.tensor([900.0]), torch.ones(100)]),
        )
        edges = edges_of(found, counts, 10)
        assert edges.tolist() == [0, 20, 40, 60, 80, 100]

    def test_few_values_are_their_own_edges(self):
        assert edges_of(torch.tensor([0.0, 2.0, 5.0]), torch.tensor([9, 9, 9]), 8).tolist() == [0, 2, 5]

    def test_a_number_is_full_bins_and_a_share_of_its_own(self):
        module = numbers([[0.0], [1.0], [2.0], [4.0]], bins=3, rows_per_bin=1, width=3, repeats=100)
        with torch.no_grad():
            module.weight.copy_(torch.eye(3)[None])
            module.bias.zero_()
            module.vectors.zero_()
        answers = module(torch.tensor([[-5.0], [0.5], [2.0], [3.0], [9.0]]))
        assert answers.tolist() == [[0, 0, 0], [0.5, 0, 0], [1, 1, 0], [1, 1, 0.5], [1, 1, 1]]

    def test_equal_values_in_every_row_lead_nowhere_else_than_finite(self):
        answers = numbers([[3.0]] * 6, repeats=2)(torch.tensor([[3.0], [-100.0]]))
        assert answers.isfinite().all()


class TestExactValues:
    def test_only_values_that_repeat_have_a_vector_of_their_own(self):
        module = numbers([[0.0], [0.0], [1.0], [1.0], [2.0]], repeats=2, values=4)
        assert module.exact[0].tolist() == pytest.approx([0.0, 1.0, 1e30, 1e30])
        assert module.codes(torch.tensor([[0.0], [1.0], [2.0], [0.5]])).flatten().tolist() == [1, 2, 0, 0]

    def test_of_a_number_with_many_values_only_those_that_stand_out_count(self):
        rows = [[float(i // 2)] for i in range(100)] + [[0.5]] * 20
        module = numbers(rows, repeats=2, values=8)
        assert module.exact[0][module.exact[0] < 1e30].tolist() == [0.5]

    def test_each_number_has_vectors_of_its_own(self):
        module = numbers([[0.0, 0.0], [0.0, 0.0]], repeats=2, values=2)
        assert module.codes(torch.zeros(1, 2)).tolist() == [[1, 4]]


class Noted(nn.Module, StartsFromData):
    def __init__(self, name, order, *inner):
        super().__init__()
        self.name, self.order, self.inner = name, order, nn.ModuleList(inner)

    def start(self, start):
        self.order.append(self.name)


def test_inner_layers_start_before_those_around_them():
    order = []
    start_from_data(Noted("outer", order, Noted("inner", order)), Start([], None, torch.Generator()))
    assert order == ["inner", "outer"]


def test_rows_come_from_all_batches_or_are_drawn():
    start = Start([{"x": torch.arange(3)}, {"x": torch.arange(3, 10)}], None, torch.Generator().manual_seed(0))
    assert start.rows("x").tolist() == list(range(10))
    drawn = start.rows("x", most=4).tolist()
    assert len(set(drawn)) == 4
    assert drawn == sorted(drawn)


def test_scarce_categories_take_narrow_vectors():
    port = Port("categories", "categories", (2,), sizes=(3, 50))
    module = registry.load("encoder", "categories")(port, registry.settings_of("encoder", "categories", {"width": 8}))
    assert [table.embedding_dim for table in module.tables] == [3, 8]
    assert module.width == 11


class TestMembers:
    @pytest.mark.parametrize("name", ["numbers", "categories", "dates"])
    def test_vectors_of_one_member_leave_those_of_the_others_alone(self, name):
        port, rows = registry.load("encoder", name).example(torch.Generator().manual_seed(0))
        encoded = EncodedForMembers((port,), members=3)
        before = encoded(rows)
        assert before.shape == (3, 8, encoded.width)
        moved = {key: one.clone() for key, one in encoded.state_dict().items()}
        for key, one in encoded.named_parameters():
            moved[key].unflatten(-1, (3, -1))[..., 1, :] += 1.0
            assert one.shape[-1] % 3 == 0
        encoded.load_state_dict(moved)
        same = (encoded(rows) == before).flatten(1).all(1)
        assert same.tolist() == [True, False, True]

    def test_what_costs_much_is_shared(self):
        ports = (Port("vector", "vector", (2,)), Port("categories", "categories", (1,), sizes=(4,)))
        encoded = EncodedForMembers(ports, members=3)
        found = encoded({"vector": torch.randn(5, 2), "categories": torch.zeros(5, 1, dtype=torch.long)})
        assert torch.equal(found[0, :, :2], found[2, :, :2])
        assert not torch.equal(found[0, :, 2:], found[2, :, 2:])
        shared = EncodedForMembers(ports, members=3, apart=False)
        assert shared.width == encoded.width
        assert sum(one.numel() for one in encoded.parameters()) == 3 * sum(one.numel() for one in shared.parameters())
