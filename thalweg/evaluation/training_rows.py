"""The training rows as classical models read them, and fits on them."""

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from thalweg.core.memory import free_bytes
from thalweg.core.position import Position
from thalweg.data.dataset import Dataset
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.evaluation.evaluate import BATCH
from thalweg.evaluation.features import Columns, inputs_of
from thalweg.evaluation.sparse import Chained, Condensed, Weighed, is_sparse, one_after_another
from thalweg.evaluation.units import groups_of
from thalweg.tasks._task import Task

SMALL_TABLE = 1_000_000
"""Numbers up to which threads that share one fit wait longer than they work; whole trees are still grown side by side."""
NUMBERS, OF_FREE = 60_000_000, 64
"""Numbers that the training rows may be in all; and bytes of free memory that there must be for each, as fits copy them."""


class Watch:
    """Seconds since it was made, those left out in which other programs had the processor: plans do not hang on their load."""

    def __init__(self) -> None:
        self.begun, self.processor = time.monotonic(), time.process_time()

    @property
    def seconds(self) -> float:
        """By the clock, or of the processor where that is less; threads at work together count once."""
        return min(time.monotonic() - self.begun, time.process_time() - self.processor)


@dataclass
class Training:
    """The training rows as classical models read them.

    Attributes:
        rows: (n, d) float32, perhaps sparse, in an order drawn at random, so that any beginning is a fair draw.
        target: (n,) classes or values, or (n, d) values.
        classes: how many classes the task knows; None for values.
        whole: rows of the training part.
        dense: columns at the front that are not sparse.
        groups: (n,) the group of each row, where the data name groups.
    """

    task: Task
    rows: Any
    target: np.ndarray
    classes: int | None
    whole: int
    seed: int
    dense: int = 0
    groups: np.ndarray | None = None

    @staticmethod
    def of(task: Task, dataset: Dataset, seed: int, columns: Columns | None = None) -> "Training":
        """The features of the training part, or of a draw of it where they would fill the memory.

        Args:
            columns: what makes them; by default plain columns.
        """
        columns, drawn, target, chosen, most = columns or Columns(task), [], [], [], most_numbers()
        generator = np.random.default_rng(Position(seed).number("baselines", by="run"))
        whole, share, name, classes = dataset.rows("train") or 0, 1.0, task.ports.output.name, task.ports.output.size
        for batch in dataset.batches("train", size=BATCH):
            made = columns(inputs_of(task, batch))
            numbers = made.nnz if is_sparse(made) else made.size
            share = min(1.0, most * made.shape[0] / (max(whole, 1) * max(numbers, 1)))
            kept = generator.random(made.shape[0]) < share
            drawn.append(made[kept])
            chosen.append(kept)
            told = batch[name].detach().cpu()
            target.append((told.double() if classes is None else told.int()).numpy()[kept])
        order = generator.permutation(sum(map(len, target)))
        rows, y = one_after_another(drawn, order), one_after_another(target, order)
        flat = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        groups = groups_of(dataset, "train")
        inside = None if groups is None else groups.numpy()[np.concatenate(chosen)][order]
        return Training(task, rows, flat, classes, whole or len(y), seed, columns.dense, inside)

    def candidates(self, part: Baseline) -> Candidates:
        """The estimators that a baseline offers for such a target."""
        found = part.classifiers(self.seed) if self.classes is not None else part.regressors(self.seed)
        if self.classes is None and self.target.ndim > 1:
            found = [(words, _one_each(estimator)) for words, estimator in found]
        return self._reading(part, found) if is_sparse(self.rows) else found

    def _reading(self, part: Baseline, found: Candidates) -> Candidates:
        """The estimators, each with what it needs to read sparse rows."""
        sparse = part.declaration.facts.get("sparse", False)  # type: ignore[attr-defined]
        steps = [Weighed(self.dense) if sparse else Condensed(self.dense, self.seed) for _ in found]
        return [(words, Chained(step, estimator)) for step, (words, estimator) in zip(steps, found, strict=True)]

    def fit(self, estimator: Any, rows: int | np.ndarray) -> float:  # noqa: ANN401 - any scikit-learn estimator
        """Fit on the first rows, or on those of these numbers; returns the seconds that took."""
        from joblib import parallel_config

        watch, threads = Watch(), torch.get_num_threads()
        place = slice(rows) if isinstance(rows, int) else rows
        some, target = self.rows[place], self.target[place]
        shared = threads if not is_sparse(some) and some.shape[0] * some.shape[1] > SMALL_TABLE else 1
        target = target.astype(np.int64) if self.classes is not None else target
        with warnings.catch_warnings(), threadpool_limits(shared), parallel_config("threading", n_jobs=threads):
            warnings.simplefilter("ignore")
            estimator.fit(some, target)
        return watch.seconds


def most_numbers() -> int:
    """Numbers that the training rows may be in all here, a power of two where memory is scarce, so that runs agree."""
    free = free_bytes(torch.device("cpu"))
    return NUMBERS if free is None else min(NUMBERS, 1 << max(free // OF_FREE, 1).bit_length() - 1)


def _one_each(estimator: Any) -> Any:  # noqa: ANN401
    from sklearn.multioutput import MultiOutputRegressor

    return MultiOutputRegressor(estimator)
