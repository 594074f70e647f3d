"""CIFAR-10, 60,000 photographs of 32×32 pixels in ten classes (Krizhevsky 2009), in its binary form, which holds no pickles."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._archive import tar_contents
from thalweg.data._paths import shown
from thalweg.data._source import Asked
from thalweg.data.catalogue import note_share, obtain
from thalweg.data.dataset import Examples
from thalweg.data.download import digest_of_kind

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
ARCHIVE = "cifar-10-binary.tar.gz"
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = "test_batch.bin"
RECORD_BYTES = 1 + 3 * 32 * 32
"""A label, then the red, green and blue planes."""
BATCH_BYTES = 10_000 * RECORD_BYTES


@source(
    "cifar10",
    catalogued=True,
    task="classification",
    rows=60_000,
    licence="none stated; published for research",
    address="https://www.cs.toronto.edu/~kriz/",
    files=(("cifar-10-binary.tar.gz", 170052171, "md5:c32a1d4ab5d03f1284b67883e8d87530"),),
)
def cifar10(asked: Asked) -> Examples:
    """60,000 photographs of 32×32 pixels in ten classes; the official test images are kept as the test.

    Raises:
        DataRefusal: the archive lacks a batch, or one is damaged.
    """
    archive = obtain("cifar10", download=asked.data.download, told=asked.told) / ARCHIVE
    batches = _batches(archive)
    records = np.concatenate([_records(batches[name], name, archive) for name in (*TRAIN, TEST)])  # (N, 3073)
    train = sum(len(batches[name]) for name in TRAIN) // RECORD_BYTES
    examples = Examples(
        "cifar10",
        {"image": records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), "class": np.array(CLASSES)[records[:, 0]]},
        kinds={"image": "image", "class": "category"},
        roles={"class": "target"},
        given={"train": torch.arange(train), "test": torch.arange(train, len(records))},
        facts={
            "licence": "none stated; published for research",
            "classes": CLASSES,
            "augment": [{"shift": {"pixels": 4}}, "flip"],
        },
    )
    examples.notes += note_share(examples, {"train": 50_000, "test": 10_000}, of="CIFAR-10")
    examples.facts["digest"] = digest_of_kind(archive, "sha256")
    return examples


def _batches(archive: Path) -> Mapping[str, bytes]:
    """The bytes of all batches; only they are read."""
    if not archive.is_file():
        raise _damaged(archive, "the archive is not in its folder")
    batches = dict(tar_contents(archive, {*TRAIN, TEST}, largest=BATCH_BYTES))
    lacking = sorted({*TRAIN, TEST} - set(batches))
    if lacking:
        raise _damaged(archive, f"it lacks {', '.join(lacking)}")
    return batches


def _records(content: bytes, name: str, archive: Path) -> np.ndarray:
    """The records (n, 3073) of a batch, labels first."""
    if not content or len(content) % RECORD_BYTES:
        raise _damaged(archive, f"{name} is cut off")
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
    if records[:, 0].max() >= len(CLASSES):
        raise _damaged(archive, f"{name} holds the class {records[:, 0].max()}")
    return records


def _damaged(archive: Path, reason: str) -> DataRefusal:
    why = "all five training batches and the test batch are needed"
    return DataRefusal(
        "DATA_DAMAGED_FILE",
        f"{ARCHIVE}: {reason}",
        where=shown(archive),
        why=why,
        fix="remove it and fetch it again: --download",
    )
