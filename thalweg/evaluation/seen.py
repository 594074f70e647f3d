"""Whether examples stand in the training part too, so that nothing untrue is said of what a model has not seen."""

import io
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np

from thalweg.core import files
from thalweg.core.errors import Refusal
from thalweg.data.batch import Batch
from thalweg.data.dataset import Dataset
from thalweg.evaluation.evaluate import BATCH

MOST = 200_000
"""Training examples that are looked through, at most."""


def seen(dataset: Dataset, learned: np.ndarray | None = None) -> str:
    """`none`, `some` or `all`: how many test examples have their like, in inputs and target, among the training examples.

    Args:
        learned: `learned_rows` of the dataset, where they are at hand.
    """
    test = np.unique(_numbers(dataset, "test"))
    left = np.setdiff1d(test, learned_rows(dataset) if learned is None else learned)
    if len(left) == len(test):
        return "none"
    return "some" if len(left) else "all"


def learned_rows(dataset: Dataset) -> np.ndarray:
    """A number for each training example (at most 200,000 of them), the same for the same values; uint64, in order."""
    return np.unique(_numbers(dataset, "train"))


def already_learned(dataset: Dataset, learned: np.ndarray) -> int:
    """How many examples of the part `test` have their like among those that were learned from."""
    return int(np.isin(_numbers(dataset, "test"), learned).sum())


def keep_learned(path: Path, learned: np.ndarray) -> None:
    """Write the numbers of training examples, eight bytes each."""
    sink = io.BytesIO()
    np.save(sink, learned)
    files.write_bytes(path, sink.getvalue())


def kept_learned(path: Path) -> np.ndarray | None:
    """The numbers that a run has kept; None where it has none, or they cannot be read."""
    if not path.is_file():
        return None
    try:
        found = np.load(io.BytesIO(files.read_limited(path, limit=64 + 8 * (MOST + BATCH))), allow_pickle=False)
    except (Refusal, OSError, ValueError):
        return None
    return found if isinstance(found, np.ndarray) and found.dtype == np.uint64 else None


def _numbers(dataset: Dataset, part: str) -> np.ndarray:
    wanted: list[str] = [one.name for role in ("input", "target") for one in dataset.encodings.of_role(role)]
    found: list[int] = []
    for batch in dataset.batches(part, size=BATCH):
        found += _digests(batch, wanted)
        if len(found) >= MOST:
            break
    return np.asarray(found, dtype=np.uint64)


def _digests(batch: Batch, names: list[str]) -> Iterator[int]:
    """A number for each example, the same for the same values; what only pads a row does not count."""
    chosen = [name for name in sorted(names) if name in batch] or sorted(batch)
    columns = [
        batch[name].detach().cpu().contiguous().flatten(1) if batch[name].ndim > 1 else batch[name].cpu()[:, None]
        for name in chosen
    ]
    arrays = [column.double().numpy() for column in columns]
    for i in range(batch.size):
        row = b"\1".join(array[i].tobytes().rstrip(b"\0") for array in arrays)
        yield int.from_bytes(blake2b(row, digest_size=8).digest(), "little")
