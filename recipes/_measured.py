"""What the recipes share: training from several seeds, and a mean with its interval.

Settings are chosen with `--part validation --part calibration`; the test part is read once, with the settings that stand in the
recipe, and five seeds of them count as one look.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from thalweg.core.position import Position
from thalweg.core.run_folder import RunFolder
from thalweg.evaluation.clopper_pearson import student
from thalweg.tasks._task import measured
from thalweg.training.fit import Fitted, fit
from thalweg.training.requested import merged, run_settings

EVALUATION_BATCH = 512


@dataclass(frozen=True)
class Asked:
    """What the command line asks of a recipe.

    Attributes:
        seeds: the seeds to train from.
        parts: the parts of the data to measure on.
        threads: of the processor; they change seconds and the last bits, no more.
    """

    seeds: Sequence[int]
    parts: Sequence[str]
    threads: int = 2


def asked(description: str | None, *, seeds: int = 5, arguments: Sequence[str] | None = None) -> Asked:
    """What was asked on the command line; without arguments, the test part from seeds 0, 1, ..."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=seeds, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--part", action="append", choices=["validation", "calibration", "test"], help="what to measure on")
    parser.add_argument("--threads", type=int, default=2, help="threads to train on")
    given = parser.parse_args(arguments)
    return Asked(range(given.first, given.first + given.seeds), given.part or ["test"], given.threads)


def trained(settings: Mapping[str, Any], seeds: Sequence[int]) -> Iterator[Fitted]:
    """One training for each seed, one after another, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            made = run_settings(merged(settings, {"seed": seed}))
            yield fit(made, folder=RunFolder.create(Path(folder) / str(seed)))


def value_on(run: Fitted, part: str) -> float:
    """The task's first metric on one part of the data."""
    task, batches = run.package.task, run.dataset.batches(part, size=EVALUATION_BATCH)
    value = measured(task, run.package.model, batches, at=Position())[next(iter(task.metrics))]
    assert value is not None, f"undefined on {part}"
    return value


def mean_and_half_width(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and half the width of its 95 % interval over seeds (Student's t); no width for one value."""
    if len(values) < 2:
        return values[0], float("nan")
    return statistics.fmean(values), student(len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5


def report(
    settings: Mapping[str, Any],
    description: str | None,
    *,
    arguments: Sequence[str] | None = None,
    measure: Callable[[Fitted, str], float] = value_on,
) -> dict[str, list[float]]:
    """Train from the seeds asked for, print the values of each and their means; returns the values by part."""
    wanted = asked(description, arguments=arguments)
    values: dict[str, list[float]] = {part: [] for part in wanted.parts}
    seconds, begun = [], time.process_time()
    for run in trained({**settings, "threads": wanted.threads}, wanted.seeds):
        for part in wanted.parts:
            values[part].append(measure(run, part))
        seconds.append((run.seconds, time.process_time() - begun))
        found = "  ".join(f"{part} {values[part][-1]:.4f}" for part in wanted.parts)
        wall, busy = seconds[-1]
        each = f"{wall:.1f} s, {1000 * wall / run.steps:.1f} ms a step; processor {busy:.1f} s, reading and judging included"
        print(f"seed {run.settings.seed}  {found}  {each}", flush=True)
        begun = time.process_time()
    for part in wanted.parts:
        mean, half = mean_and_half_width(values[part])
        print(f"{part}: mean {mean:.4f} ± {half:.4f} (95 % interval over {len(wanted.seeds)} seeds)")
    wall, busy = (statistics.fmean(column) for column in zip(*seconds, strict=True))
    print(f"training: {wall:.1f} s on {torch.get_num_threads()} threads, {busy:.1f} s of processors")
    return values
