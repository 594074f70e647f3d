"""Whether examples stand in the training part too, so that nothing untrue is said of what a model has not seen."""

import io
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import cast

import numpy as np

from thalweg.core import files
from thalweg.core.errors import PackageRefusal
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
    """The numbers that a run has kept; None where it has none.

    Raises:
        PackageRefusal: they are damaged.
    """
    if not path.is_file():
        return None
    content = files.read_limited(path, limit=64 + 8 * (MOST + BATCH))
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
        whole = found.dtype == np.uint64 and found.ndim == 1 and bool((found[1:] > found[:-1]).all())
    except (AttributeError, EOFError, OSError, ValueError):  # as numpy tells what is no array, or too short
        whole = False
    if not whole:
        raise PackageRefusal(
            "LEARNED_DAMAGED",
            f"{path.name} does not hold what was written there",
            where=str(path.parent),
            why="rows that the model has learned from would be taken for new ones, and flatter its figures",
            fix=f"restore the file from a good copy; without {path.name} the check is left out, and that is said",
        )
    return cast(np.ndarray, found)


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
