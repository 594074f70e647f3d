"""Stored batches: an epoch goes once through the rows, in near-equal batches whose order depends on seed and epoch alone."""

import dataclasses

import pytest
import torch

from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.data.batch import Batch
from thalweg.data.batches import Store, StoredBatches
from thalweg.fields.encoding import Encodings
from thalweg.fields.ragged import Ragged


class One(Processes):
    """One of several processes, as far as cutting batches goes."""

    def __init__(self, rank: int, world: int) -> None:
        self.rank, self.world = rank, world


def stored(count: int) -> Store:
    rows = [torch.arange(1 + row % 4) + 10 * row for row in range(count)]
    return Store({"x": torch.arange(count, dtype=torch.float64), "text": Ragged.of(rows)}, Encodings([]))


def batches(count: int = 23, size: int = 5, **how) -> StoredBatches:
    return StoredBatches(stored(count), torch.arange(count), size=size, **how)


def epoch(supply: StoredBatches, number: int = 0, **at) -> list[Batch]:
    start = Position(epoch=number, step=number * (supply.length or 0), **at)
    return [supply.at(dataclasses.replace(start, step=start.step + i, index=i)) for i in range(supply.length or 0)]


def order(supply: StoredBatches, number: int = 0, **at) -> list[int]:
    return [row for batch in epoch(supply, number, **at) for row in batch.rows.tolist()]


@pytest.mark.parametrize(("count", "size"), [(23, 5), (1, 5), (5, 5), (6, 5), (100, 7), (7, 100)])
def test_each_row_comes_once_an_epoch_in_near_equal_batches(count, size):
    supply = batches(count, size, shuffled=True)
    sizes = [batch.size for batch in epoch(supply)]
    assert sorted(order(supply)) == list(range(count))
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1


def test_order_depends_on_seed_and_epoch_alone():
    supply = batches(shuffled=True)
    first = order(supply, 0, seed=1)
    assert first != order(supply, 1, seed=1)
    assert first != order(supply, 0, seed=2)
    assert first != order(supply, 0, seed=1, stage=1)
    assert first == order(batches(shuffled=True), 0, seed=1)
    assert first != sorted(first)


def test_a_batch_is_the_same_whatever_was_asked_for_before():
    supply, fresh = batches(shuffled=True), batches(shuffled=True)
    epoch(supply, 0), epoch(supply, 3)
    at = Position(epoch=1, step=7, index=2)
    assert torch.equal(supply.at(at)["x"], fresh.at(at)["x"])


def test_without_shuffling_rows_come_in_order_and_so_does_a_pass():
    supply = batches()
    assert order(supply) == list(range(23))
    assert torch.cat([batch["x"] for batch in supply]).tolist() == list(range(23))


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch_without_loss(world):
    whole = epoch(batches(shuffled=True))
    shares = [epoch(batches(shuffled=True, processes=One(rank, world))) for rank in range(world)]
    for index, batch in enumerate(whole):
        parts = [share[index] for share in shares]
        assert [part.start for part in parts] == [sum(one.size for one in parts[:i]) for i in range(world)]
        assert all(part.whole == batch.size and part.size > 0 for part in parts)
        for name in batch:  # padding too is as wide as the global batch needs
            assert torch.equal(torch.cat([part[name] for part in parts]), batch[name])


def test_processes_share_a_pass_in_order_without_loss():
    passes = [list(batches(count=7, size=3, processes=One(rank, 2))) for rank in range(2)]
    rows = sorted(row for one in passes for batch in one for row in batch.rows.tolist())
    assert rows == list(range(7))


def test_augmentations_see_the_global_batch_before_it_is_shared():
    seen = []

    def mixed(batch: Batch, at: Position) -> Batch:
        seen.append(batch.size)
        return batch.having({"x": batch["x"].flip(0)})

    whole = batches(augment=[mixed]).at(Position())
    parts = [batches(augment=[mixed], processes=One(rank, 2)).at(Position()) for rank in range(2)]
    assert torch.equal(torch.cat([part["x"] for part in parts]), whole["x"])
    assert set(seen) == {whole.size}


def test_floats_come_in_the_type_of_the_store_and_codes_as_they_are():
    batch = batches().at(Position())
    assert batch["x"].dtype == torch.float32
    assert batch["text"].dtype == torch.int64
    assert batch["text_mask"].dtype == torch.bool


def test_parts_of_a_batch_are_near_equal_and_never_empty():
    batch = batches(count=5).at(Position())
    assert [part.size for part in batch.parts(3)] == [1, 2, 2]
    assert [part.start for part in batch.parts(3)] == [0, 1, 3]
    assert len(batch.parts(99)) == 5
    assert batch.parts(1) == [batch]
