"""Whether test examples stand in the training part too, so that nothing untrue is said of what a model has not seen."""

from collections.abc import Iterator

import torch

from thalweg.data.batch import Batch
from thalweg.data.dataset import Dataset
from thalweg.evaluation.evaluate import BATCH

MOST = 200_000
"""Training examples that are looked through, at most."""


def seen(dataset: Dataset) -> str:
    """`none`, `some` or `all`: how many test examples have their like, in every field, among the training examples."""
    test = {one for batch in dataset.batches("test", size=BATCH) for one in _digests(batch)}
    left, looked = set(test), 0
    for batch in dataset.batches("train", size=BATCH):
        left.difference_update(_digests(batch))
        looked += batch.size
        if not left or looked >= MOST:
            break
    if len(left) == len(test):
        return "none"
    return "some" if left else "all"


def _digests(batch: Batch) -> Iterator[int]:
    """A number for each example, the same for the same values; what only pads a row does not count."""
    columns = [
        batch[name].detach().cpu().contiguous().flatten(1) if batch[name].ndim > 1 else batch[name].cpu()[:, None]
        for name in sorted(batch)
    ]
    arrays = [column.to(torch.float64).numpy() for column in columns]
    for i in range(batch.size):
        yield hash(tuple(array[i].tobytes().rstrip(b"\0") for array in arrays))
