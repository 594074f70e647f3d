"""Objects in memory: arrays, pairs, mappings, data frames, torch datasets, iterables, and what is ready already."""

import itertools

import numpy as np
import pyarrow
import pytest
import scipy.sparse
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset, TensorDataset

from tests.refusing import expect_refusal
from thalweg.core.errors import DataRefusal
from thalweg.data.dataset import Examples
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.data.sources import items


def test_a_pair_is_inputs_and_target():
    examples = read((np.arange(6.0).reshape(3, 2), ["a", "b", "a"]))
    assert {name: list(values) for name, values in examples.columns.items()} == {
        "x0": [0, 2, 4],
        "x1": [1, 3, 5],
        "y": ["a", "b", "a"],
    }
    assert examples.roles == {"y": "target"}


def test_tensors_of_pictures_stay_one_column():
    examples = read((torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1])))
    assert examples.kinds == {"x": "image"}
    assert examples.columns["x"].shape == (4, 3, 8, 8)


def test_a_mapping_names_its_columns_and_the_user_the_target():
    columns = {"text": ["good", "bad"], "stars": [5, 1]}
    assert read(columns).roles == {}
    assert read(columns, DataSettings(target="stars")).roles == {"stars": "target"}


def test_a_matrix_has_no_target_and_says_so():
    assert "no target" in read(np.zeros((3, 2))).notes[-1]


def test_columns_of_data_frames_keep_names_gaps_and_types():
    table = pyarrow.table({"age": [31.5, 40.0, 22.0], "job": ["cook", None, "smith"], "count": [1, None, 3]})
    examples = read(table)
    assert examples.columns["age"].tolist() == [31.5, 40.0, 22.0]
    assert examples.columns["job"] == ["cook", None, "smith"]
    assert np.array_equal(examples.columns["count"], [1, np.nan, 3], equal_nan=True)
    assert read((table, [0, 1, 0])).roles == {"y": "target"}


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(DataRefusal, match="cannot be named"):
        read(pyarrow.table([[1], [2]], names=["a", "a"]))


class Squares(TorchDataset):
    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> dict[str, object]:
        return {"side": float(index), "area": torch.tensor(float(index**2))}


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(torch.zeros(2, 2, 3), 0), (torch.ones(2, 2, 3), 1)])


def test_torch_datasets_of_every_sort_are_collected():
    assert read(TensorDataset(torch.rand(4, 3), torch.arange(4))).columns["y"].tolist() == [0, 1, 2, 3]
    assert read(Squares()).columns["area"].tolist() == [0, 1, 4, 9, 16]
    assert read(Stream()).columns["x"].shape == (2, 2, 2, 3)


def test_iterables_of_pairs_mappings_and_values_are_collected():
    assert read([("good", 1), ("bad", 0)]).roles == {"y": "target"}
    assert read({"n": i} for i in range(3)).columns["n"].tolist() == [0, 1, 2]
    assert [len(row) for row in read([(np.zeros((4, 2)), 0), (np.zeros((3, 2)), 1)]).columns["x"]] == [4, 3]


def test_an_iterable_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(items, "MOST", 100)
    with pytest.raises(DataRefusal, match="goes on"):
        read(itertools.count())


def test_examples_that_are_not_alike_are_refused():
    with pytest.raises(DataRefusal, match="1 of 3 examples"):
        read([{"a": 1}, {"a": 2}, {"b": 3}])


def test_columns_that_differ_in_length_are_refused():
    with pytest.raises(DataRefusal, match="x has 3, y has 2"):
        read((np.zeros((3, 2)), [1, 2]))


def test_what_is_ready_is_handed_back_itself():
    examples = Examples("mine", {"a": [1, 2]})
    assert read(examples) is examples


class Unsized(torch.utils.data.Dataset):
    """Says by IndexError where it ends."""

    def __getitem__(self, index):
        if index >= 6:
            raise IndexError
        return torch.full((2,), float(index)), index % 2


def test_a_dataset_without_a_length_is_read_to_its_end():
    assert len(read(Unsized())) == 6


def test_of_a_loader_the_dataset_is_read_and_said():
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(6, 2), torch.arange(6) % 2), batch_size=4)
    examples = read(loader)
    assert len(examples) == 6
    assert examples.roles == {"y": "target"}
    assert "the loader" in examples.notes[-1]


class Corrupt(Unsized):
    """Its fourth example cannot be read."""

    def __getitem__(self, index):
        if index == 3:
            raise RuntimeError("corrupt record")
        return super().__getitem__(index)


def test_an_example_that_raises_is_refused_by_number_and_line():
    with expect_refusal("DATA_EXAMPLE_FAILED", exit_code=3) as caught:
        read(Corrupt())
    assert caught.value.what == "example 3 cannot be read: RuntimeError: corrupt record"
    assert "test_sources_objects.py:" in caught.value.where


@pytest.mark.parametrize("make", [scipy.sparse.csr_matrix, scipy.sparse.coo_array, lambda x: torch.from_numpy(x).to_sparse()])
def test_sparse_matrices_are_read_with_their_zeros(make):
    x = np.eye(6, 3, dtype=np.float32)
    examples = read((make(x), np.arange(6) % 2))
    assert np.array_equal(np.stack([examples.columns[f"x{i}"] for i in range(3)], 1), x)


def test_a_sparse_matrix_that_is_too_large_to_write_out_is_refused():
    huge = scipy.sparse.csr_matrix((100_000, 100_000), dtype=np.float32)
    with expect_refusal("DATA_TOO_SPARSE", exit_code=3):
        read((huge, np.arange(100_000) % 2))
