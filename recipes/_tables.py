"""What the recipes on tables share: reading them, one split for all seeds, and the net beside tuned gradient boosting.

The split is drawn once (seed 0; Adult has its own), so that all seeds are judged on the same rows and the test part is looked
at once. Both sides learn from the training rows and choose on the validation rows; the calibration rows are left unread.
"""

import dataclasses
import os
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.core.position import Position
from thalweg.core.run_folder import RunFolder
from thalweg.data.dataset import Examples, StoredDataset
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.evaluation.evaluate import Evaluation, evaluate
from thalweg.evaluation.features import Columns
from thalweg.evaluation.margin import margin_of
from thalweg.evaluation.opponents import Chooser, Opponent, Remembered, Training, fit_one
from thalweg.evaluation.paired import difference
from thalweg.evaluation.repeated import over_seeds
from thalweg.evaluation.verdict import word_of
from thalweg.training.fit import Fitted, fit
from thalweg.training.requested import merged, run_settings

OPPONENT = "gradient-boosting"


@dataclass(frozen=True)
class Table:
    """One table: its file under THALWEG_DATA, what is predicted, what is left out and why not seen by either side."""

    name: str
    file: str
    target: str
    ignore: tuple[str, ...] = ()
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def data_settings(self) -> dict[str, Any]:
        """What the run is told of the data."""
        return {"target": self.target, "ignore": self.ignore, **self.settings}

    def examples(self) -> Examples:
        """The rows with the split that all seeds share."""
        path = Path(os.environ["THALWEG_DATA"]) / "tabular" / self.file
        settings = DataSettings(**self.data_settings())
        return with_split(read(str(path), settings), settings)


def with_split(examples: Examples, settings: DataSettings) -> Examples:
    """The same rows, their split drawn from seed 0 and given with them."""
    parts = encode(examples, settings, seed=0).parts
    return dataclasses.replace(examples, given=dict(parts))


def nets(examples: Examples, data: Mapping[str, Any], seeds: Sequence[int], **settings: Any) -> Iterator[Fitted]:
    """One training by the defaults for each seed, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            made = run_settings(merged({"data": data, "seed": seed, **settings}))
            yield fit(made, given=examples, folder=RunFolder.create(Path(folder) / str(seed)))


def boosting(run: Fitted, *, seed: int) -> Opponent:
    """Gradient boosting with its settings chosen on the validation rows of a run, whatever time that takes."""
    task, dataset = run.package.task, run.dataset
    assert isinstance(dataset, StoredDataset)
    chooser = Chooser(task, dataset, next(iter(task.metrics)), seed)
    columns = Columns(task)
    training = Training.of(task, dataset, seed, columns)
    found, note = fit_one(OPPONENT, training, chooser, Remembered(columns, task, chooser.batches.batches), seconds=1e9)
    assert found is not None, note
    return found


@dataclass
class Duel:
    """The net and its opponent on one table, a value for each seed."""

    table: str
    ours: list[float] = dataclasses.field(default_factory=list)
    theirs: list[float] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)
    setting: str = ""
    word: str = ""
    low: float = float("nan")
    high: float = float("nan")

    def told(self) -> str:
        """One line: both means, their difference with its interval and word."""
        ours, theirs, seconds = map(statistics.fmean, (self.ours, self.theirs, self.seconds))
        between = f"[{self.low:.4g}, {self.high:.4g}]"
        spread = statistics.stdev(self.ours) if len(self.ours) > 1 else float("nan")
        return (
            f"{self.table:<12} net {ours:.5g} (deviation {spread:.2g})  boosting {theirs:.5g} ({self.setting})  "
            f"ahead by {between}: {self.word}  {seconds:.0f} s a training"
        )


def duel(name: str, runs: Iterator[Fitted], *, part: str) -> Duel:
    """Train the net from each seed and judge it beside boosting on a part of the data; positive differences say it is ahead.

    The opponent is tuned once: it draws nothing but the rows by which its longest candidate stops. With three seeds or more the
    interval is for new seeds and new rows.
    """
    found, differences, moved, opponent = Duel(name), [], [], None
    for run in runs:
        task, metric = run.package.task, run.package.task.metrics[next(iter(run.package.task.metrics))]
        net = evaluate(task, run.package.model, run.dataset, part=part, at=Position())
        opponent = opponent or boosting(run, seed=run.settings.seed)
        theirs = evaluate(task, opponent.model, run.dataset, part=part, at=Position())
        one = difference(metric, net.rows[net.headline], theirs.rows[net.headline])
        assert one is not None
        found.ours.append(_value(net))
        found.theirs.append(_value(theirs))
        found.seconds.append(run.seconds)
        found.setting = opponent.setting
        differences.append(one.value)
        moved.append(one)
        margin, units = margin_of(metric, opponent.validation, None), one.n
        said = f"net {found.ours[-1]:.5g}  boosting {found.theirs[-1]:.5g} ({opponent.setting})  {run.seconds:.0f} s"
        print(f"  {name} seed {run.settings.seed}  {said}", flush=True)
    found.low, found.high = moved[0].low, moved[0].high
    if len(differences) >= 3:
        error = statistics.fmean(one.half for one in moved) / 1.96
        found.low, found.high = over_seeds(differences, error, units=units)
    found.word = word_of(found.low, found.high, margin)
    print(found.told(), flush=True)
    return found


def ahead(found: Duel, *, higher: bool) -> bool:
    """Whether the net's mean is at least the opponent's."""
    ours, theirs = statistics.fmean(found.ours), statistics.fmean(found.theirs)
    return ours >= theirs if higher else ours <= theirs


def _value(found: Evaluation) -> float:
    value = found.value
    assert value is not None
    return value
