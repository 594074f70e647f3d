"""Small data and tasks for the tests of evaluation."""

from collections.abc import Mapping

import numpy as np

from thalweg.core import registry
from thalweg.data.dataset import StoredDataset
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.tasks._task import Task


def dataset_of(columns: Mapping[str, object]) -> StoredDataset:
    settings = DataSettings(target="target")
    return encode(read(dict(columns), settings), settings, seed=0)


def task_of(name: str, dataset: StoredDataset) -> Task:
    return registry.load("task", name)(dataset.encodings, registry.settings_of("task", name))


def classes(rows: int = 240, *, noise: float = 0.4) -> StoredDataset:
    """Three classes told apart by two numbers and a word."""
    generator = np.random.default_rng(0)
    code = np.arange(rows) % 3
    words = np.array(["low", "middle", "high"])[code]
    inputs = np.stack([np.cos(2 * code), np.sin(2 * code)], axis=1) + noise * generator.normal(size=(rows, 2))
    colour = np.array(["red", "blue"])[(code == 1).astype(int)]
    return dataset_of({"a": inputs[:, 0], "b": inputs[:, 1], "colour": colour, "target": words})


def values(rows: int = 240) -> StoredDataset:
    """A number that is nearly the sum of two others."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(rows, 2))
    return dataset_of({"a": inputs[:, 0], "b": inputs[:, 1], "target": 30 + 7 * inputs.sum(1) + generator.normal(size=rows)})
