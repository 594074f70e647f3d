"""MNIST for the workloads: its first training images, and digits of scikit-learn, enlarged, where MNIST is not at hand."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.job import Raw, Rows, Workload

MEAN, DEVIATION = 0.1307, 0.3081
TEST = 2_000
SPARE = 64
"""Rows for each of the parts that thalweg cuts beside training and test; no other tool has them."""


class OnMnist(Workload):
    """Pictures of 28 x 28 pixels in ten classes.

    Attributes:
        train_rows: how many; the rest is left out.
    """

    train_rows = 12_000

    def read(self, folder: Path | None) -> Raw:
        return _enlarged_digits() if folder is None else _mnist(folder / "mnist", self.train_rows)

    def rows(self, raw: Raw, part: str) -> Rows:
        pixels = raw[f"{part}_image"].astype(np.float32)[:, None]  # (N, 1, 28, 28)
        return Rows(((pixels / 255 - MEAN) / DEVIATION,), raw[f"{part}_class"])

    def thalweg(self, raw: Raw) -> dict[str, Any]:
        parts = {name: len(raw[f"{name}_class"]) for name in ("train", "validation", "calibration", "test")}
        data = {what: np.concatenate([raw[f"{part}_{what}"] for part in parts]) for what in ("image", "class")}
        data["class"] = data["class"].astype(str)
        data["split"] = np.repeat(list(parts), list(parts.values()))
        return {"data": data, "target": "class", "augment": "none"}


def _mnist(folder: Path, count: int) -> Raw:
    raw: dict[str, np.ndarray] = {}
    images, classes = _idx(folder, "train-images-idx3"), _idx(folder, "train-labels-idx1")
    ends = {"train": (0, count), "validation": (count, count + SPARE), "calibration": (count + SPARE, count + 2 * SPARE)}
    for part, (first, last) in ends.items():
        raw |= {f"{part}_image": images[first:last], f"{part}_class": classes[first:last].astype(np.int64)}
    raw |= {"test_image": _idx(folder, "t10k-images-idx3")[:TEST]}
    return raw | {"test_class": _idx(folder, "t10k-labels-idx1")[:TEST].astype(np.int64)}


def _idx(folder: Path, name: str) -> np.ndarray:
    """An array in the idx format: four bytes of which the last counts the axes, their lengths, the values."""
    content = gzip.decompress((folder / f"{name}-ubyte.gz").read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _enlarged_digits() -> Raw:
    """1,797 digits, each pixel as 3 x 3, with a border; in shares of 1,280, 64, 64 and 389 rows."""
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    large = np.pad(pixels.reshape(-1, 8, 8).repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2)))
    images = (large * 255 / 16).astype(np.uint8)
    order, edges = np.random.default_rng(0).permutation(len(images)), np.cumsum([1_280, SPARE, SPARE])
    raw: dict[str, np.ndarray] = {}
    for part, chosen in zip(("train", "validation", "calibration", "test"), np.split(order, edges), strict=True):
        raw |= {f"{part}_image": images[chosen], f"{part}_class": classes[chosen].astype(np.int64)}
    return raw
