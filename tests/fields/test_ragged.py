"""Rows of varying length are gathered padded with zeros, with a mask of what is real."""

import torch

from thalweg.fields.ragged import Ragged

ROWS = [torch.tensor([[1.0, 2.0]]), torch.zeros(0, 2), torch.tensor([[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])]


def test_rows_are_padded_to_the_longest_of_those_asked_for():
    values, mask = Ragged.of(ROWS).gather(torch.tensor([2, 0]))
    assert values.tolist() == [[[3, 4], [5, 6], [7, 8]], [[1, 2], [0, 0], [0, 0]]]
    assert mask.tolist() == [[True, True, True], [True, False, False]]
    shorter, _ = Ragged.of(ROWS).gather(torch.tensor([0, 1]))
    assert shorter.shape == (2, 1, 2)


def test_a_width_can_be_asked_for():
    values, mask = Ragged.of(ROWS).gather(torch.tensor([0]), width=4)
    assert values.shape == (1, 4, 2)
    assert mask.sum() == 1
    assert values.sum() == 3


def test_empty_rows_have_one_masked_place():
    values, mask = Ragged.of(ROWS).gather(torch.tensor([1, 1]))
    assert values.shape == (2, 1, 2)
    assert not mask.any()
    assert not values.any()


def test_no_rows_and_no_values_at_all_can_be_gathered():
    assert Ragged.of(ROWS).gather(torch.zeros(0, dtype=torch.int64))[0].shape == (0, 1, 2)
    empty = Ragged.of([torch.zeros(0, 3), torch.zeros(0, 3)])
    values, mask = empty.gather(torch.tensor([0, 1]))
    assert values.shape == (2, 1, 3)
    assert not mask.any()


def test_lengths_rows_and_offsets_agree():
    ragged = Ragged.of(ROWS)
    assert len(ragged) == 3
    assert ragged.lengths.tolist() == [1, 0, 3]
    assert all(torch.equal(ragged.row(index), row) for index, row in enumerate(ROWS))


def test_a_row_gathered_again_and_again_is_the_same():
    values, _ = Ragged.of(ROWS).gather(torch.tensor([2, 2, 2]))
    assert torch.equal(values[0], values[1])
    assert torch.equal(values[0], values[2])
