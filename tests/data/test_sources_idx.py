"""idx files: the format of MNIST, plain and gzipped, whole and damaged."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from thalweg.core.errors import DataRefusal
from thalweg.data._idx import read_idx
from thalweg.data.read import read


def idx(path: Path, array: np.ndarray, *, shape: tuple[int, ...] | None = None) -> Path:
    content = (
        struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *(shape or array.shape)) + array.astype(np.uint8).tobytes()
    )
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def folder(path: Path, *, zipped: str = ".gz", train: str = "train") -> Path:
    for name, count in ((train, 5), ("t10k", 3)):
        idx(path / f"{name}-images-idx3-ubyte{zipped}", np.arange(count * 16).reshape(count, 4, 4))
        idx(path / f"{name}-labels-idx1-ubyte{zipped}", np.arange(count))
    return path


@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("train", ["train", "train10k", "emnist-letters-train"])
def test_a_folder_of_idx_files_is_read_with_its_split(tmp_path, zipped, train):
    examples = read(folder(tmp_path, zipped=zipped, train=train))
    assert examples.columns["image"].shape == (8, 4, 4)
    assert examples.columns["class"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert {part: rows.tolist() for part, rows in examples.given.items()} == {"train": [0, 1, 2, 3, 4], "test": [5, 6, 7]}


def test_the_whole_is_read_where_a_part_of_it_lies_beside(tmp_path):
    folder(tmp_path)
    idx(tmp_path / "train10k-images-idx3-ubyte.gz", np.zeros((2, 4, 4)))
    idx(tmp_path / "train10k-labels-idx1-ubyte.gz", np.zeros(2))
    assert len(read(tmp_path).given["train"]) == 5


def test_values_of_two_bytes_are_read_in_their_order(tmp_path):
    (tmp_path / "a").write_bytes(struct.pack(">BBBBI2h", 0, 0, 0x0B, 1, 2, 1, -300))
    assert read_idx(tmp_path / "a").tolist() == [1, -300]


@pytest.mark.parametrize("shape", [(4000, 4, 4), (2**31, 2**31, 4), (2, 4, 4)])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_a_header_that_promises_other_than_there_is_is_refused(tmp_path, shape, name):
    with pytest.raises(DataRefusal, match="header promises"):
        read_idx(idx(tmp_path / name, np.zeros((5, 4, 4)), shape=shape))


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    path = folder(tmp_path) / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataRefusal) as caught:
        read(tmp_path)
    assert caught.value.code == "DATA_DAMAGED_FILE"


def test_images_without_labels_and_other_counts_are_refused(tmp_path):
    folder(tmp_path)
    idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.zeros(2))
    with pytest.raises(DataRefusal, match="images has 3, labels has 2"):
        read(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataRefusal, match="lacks labels of test"):
        read(tmp_path)
