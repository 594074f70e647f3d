"""Small data and tasks for the tests of evaluation."""

from collections.abc import Mapping

import numpy as np

from thalweg.core import registry
from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.tasks._task import Task


def dataset_of(columns: Mapping[str, object]) -> StoredDataset:
    settings = DataSettings(target="target")
    return encode(read(dict(columns), settings), settings, seed=0)


def task_of(name: str, dataset: Dataset) -> Task:
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


def pictures(rows: int = 60) -> StoredDataset:
    """Noise that is striped across or along."""
    generator = np.random.default_rng(0)
    code = np.arange(rows) % 2
    stripes = np.arange(64) // 8 % 2 * 160
    clean = np.where(code[:, None, None], stripes[:, None], stripes)[..., None]
    noisy = clean + generator.integers(0, 95, size=(rows, 64, 64, 3))
    return dataset_of({"x": noisy.astype(np.uint8), "target": np.array(["along", "across"])[code]})


def waves(rows: int = 90) -> StoredDataset:
    """Two channels of waves, as long as each row happens to be; the class is how often they swing."""
    generator = np.random.default_rng(0)
    code, lengths = np.arange(rows) % 3, generator.integers(20, 30, rows)
    series = []
    for swings, length in zip(code + 1, lengths, strict=True):
        time = np.arange(length) / 4 + generator.random()
        clean = np.stack([np.sin(swings * time), np.cos(swings * time)], axis=1)
        series.append(clean + 0.2 * generator.normal(size=(length, 2)))
    return dataset_of({"x": series, "target": np.array(["slow", "middle", "fast"])[code]})


def running() -> Dataset:
    """Sentences of a small grammar, in windows of 32 characters."""
    found = read("sentences", own={"sentences": 400})
    assert isinstance(found, Dataset)
    return found
