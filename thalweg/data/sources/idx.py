"""A folder of idx files, as MNIST and its relatives come: train-images-idx3-ubyte, t10k-labels-idx1-ubyte.gz, ..."""

from pathlib import Path

from thalweg.core.registry import source
from thalweg.data._idx import examples_of_idx, idx_files
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples


def recognises(path: Path) -> int:
    """Sure of a folder that holds idx files of images."""
    return 80 if any(role == "images" for _, role in idx_files(path)) else 0


@source("idx", folder=True)
def idx(asked: Asked) -> Examples:
    """The images and labels of a folder of idx files.

    Raises:
        DataRefusal: files are missing or damaged.
    """
    path = asked.given
    return examples_of_idx(path, path.resolve().name)
