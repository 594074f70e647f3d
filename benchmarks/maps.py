"""Self-organising maps against MiniSom: time and both errors at equal rows, units and epochs.

    python -m pip install minisom
    THALWEG_DATA=... python -m benchmarks.maps --threads 2 --times 5

Both learn from the same encoded rows and begin on the plane of two principal components. MiniSom is given its online training
in random order, its fastest at equal epochs; `train_batch_offline` takes as long for each row and is shown with --offline. Ours
is the rule's start and its steps, as a run's program takes them. Errors are of the rows learned from.
"""

import argparse
import gzip
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from minisom import MiniSom
from sklearn.datasets import load_digits, load_iris

from thalweg.core.position import Position
from thalweg.core.run_folder import RunFolder
from thalweg.core.settings import Settings
from thalweg.data.dataset import Dataset
from thalweg.engine.map_steps import MapSteps
from thalweg.layers.distances import squared_distances
from thalweg.metrics.topographic_error import TopographicError
from thalweg.models.self_organising_map import Map, MapSettings
from thalweg.rules._rule import Context
from thalweg.rules.competitive import Competitive, CompetitiveSettings
from thalweg.tasks._task import Task
from thalweg.training.fit import fit
from thalweg.training.loop import Progress, learn
from thalweg.training.settings import RunSettings


class Case(NamedTuple):
    """Rows of a source, sides of the map, epochs."""

    source: str
    rows: int
    side: int
    epochs: int


CASES = (
    Case("iris", 150, 10, 100),
    Case("digits", 1797, 10, 10),
    Case("digits", 1797, 20, 10),
    Case("mnist", 3000, 10, 5),
    Case("mnist", 3000, 20, 3),
    Case("mnist", 1500, 40, 2),
)
SETTINGS = {"radius": 2.0, "last_radius": 0.25}
"""Ours: from a plane that already lies right, neighbours two units away, then as near as MiniSom's third of a unit."""


class Found(NamedTuple):
    """Seconds in all and of the steps alone, and the two errors."""

    whole: float
    steps: float
    quantisation: float
    topographic: float


def ours(case: Case, dataset: Dataset, task: Task) -> Found:
    """The rule's start and its steps, as `fit` takes them between two evaluations."""
    few = case.epochs * case.rows < 100 * case.side**2
    settings = CompetitiveSettings(epochs=case.epochs, **SETTINGS, last_rate=0.3 if few else 0.1)
    model = Map(task.ports, MapSettings(rows=case.side, columns=case.side))
    begun = time.perf_counter()
    rule = Competitive(task, model, settings, Context())
    batches = rule.batches(dataset)
    batches.finish_ahead(1 << 30)
    progress = Progress(Position(total=rule.steps(batches)), batches.length)
    rule.begin(batches, progress.position)
    program = MapSteps.of(rule, batches)
    ready = time.perf_counter()
    learn(rule, batches, progress, [], program)
    ended = time.perf_counter()
    return Found(ended - begun, ended - ready, *errors(rows_of(dataset), model.codes.detach(), case.side))


def encoded(case: Case) -> tuple[Dataset, Task]:
    """The data as a run of no more than one step reads them, all rows to learn from but a few."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = {"model": "map", "rule": {"name": "competitive", "steps": 1}, "speed": "plain"}
        given = {"x": read(case), "split": np.repeat(["train", "validation", "test"], [case.rows - 20, 10, 10])}
        data = {"fields": {"x": "vector"}}
        folder = RunFolder.create(Path(scratch) / "run")
        fitted = fit(RunSettings.model_validate({**settings, "data": data}), given=given, folder=folder)
    return fitted.dataset, fitted.package.task


def read(case: Case) -> np.ndarray:
    """Rows (N, D), standardised or between 0 and 1, in an order drawn at random."""
    order = np.random.default_rng(0).permutation
    if case.source == "mnist":
        raw = gzip.decompress((Path(os.environ["THALWEG_DATA"]) / "mnist" / "train-images-idx3-ubyte.gz").read_bytes())
        pixels = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784)
        return pixels[order(len(pixels))[: case.rows]] / 255
    found = {"iris": load_iris, "digits": load_digits}[case.source]().data
    found = found[order(len(found))[: case.rows]]
    return (found - found.mean(0)) / found.std(0) if case.source == "iris" else found / 16


def rows_of(dataset: Dataset) -> torch.Tensor:
    """The encoded rows (N, D) to learn from."""
    [batch] = dataset.batches("train", size=1 << 20)
    return next(iter(batch.values())).flatten(1)


def theirs(case: Case, x: np.ndarray, *, sigma: float, offline: bool) -> Found:
    """MiniSom with its defaults, sigma apart."""
    begun = time.perf_counter()
    net = MiniSom(case.side, case.side, x.shape[1], sigma=sigma, learning_rate=0.5, random_seed=0)
    net.pca_weights_init(x)
    ready = time.perf_counter()
    if offline:
        net.train_batch_offline(x, case.epochs)
    else:
        net.train(x, case.epochs * len(x), random_order=True)
    ended = time.perf_counter()
    codes = torch.tensor(net.get_weights()).flatten(0, 1)
    return Found(ended - begun, ended - ready, *errors(torch.tensor(x), codes, case.side))


def errors(x: torch.Tensor, codes: torch.Tensor, side: int) -> tuple[float, float]:
    """Mean distance from the nearest code, and the share of rows whose two nearest units are no neighbours."""
    distances = squared_distances(x, codes).sqrt().unflatten(1, (side, side))
    metric = TopographicError(Settings())
    return float(distances.flatten(1).amin(1).mean()), float(metric.formula(metric.rows(distances).sum(0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--offline", action="store_true", help="MiniSom's train_batch_offline instead of its online training")
    parser.add_argument("--only", help="name of a source")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    warnings.simplefilter("ignore")
    for case in CASES:
        if asked.only in (None, case.source):
            compare(case, times=asked.times, offline=asked.offline)


def compare(case: Case, *, times: int, offline: bool) -> None:
    """One line for each sigma, of medians; ours and theirs in turn."""
    dataset, task = encoded(case)
    x = rows_of(dataset).double().numpy()
    ours(case, dataset, task)  # the first in a process sets up threads
    for sigma in (1.0, 1.5):
        rounds = [(ours(case, dataset, task), theirs(case, x, sigma=sigma, offline=offline)) for _ in range(times)]
        one, other = (Found(*map(statistics.median, zip(*side, strict=True))) for side in zip(*rounds, strict=True))
        ratios = [statistics.median(b[i] / a[i] for a, b in rounds) for i in (0, 1)]
        print(
            f"{case.source} {len(x):,} x {case.epochs}, side {case.side}: ours {one.whole:.3f} s (steps {one.steps:.3f}), "
            f"errors {one.quantisation:.3f} {one.topographic:.3f}; MiniSom, sigma {sigma}: {other.whole:.2f} s, "
            f"errors {other.quantisation:.3f} {other.topographic:.3f}; times as fast {ratios[0]:.1f} (steps {ratios[1]:.1f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
