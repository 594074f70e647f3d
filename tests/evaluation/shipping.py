"""Baselines fitted and shipped as packages, for tests of what becomes of them."""

from pathlib import Path

from torch import nn

from tests.evaluation.arrays import task_of
from thalweg.core import registry
from thalweg.data.dataset import Dataset
from thalweg.evaluation._baseline import Fitted
from thalweg.evaluation.features import Columns
from thalweg.evaluation.opponents import Opponent, Training
from thalweg.evaluation.packaged import Shipping
from thalweg.packages.package import Package
from thalweg.tasks._task import Task


def opponent(name: str, dataset: Dataset, task: Task) -> Opponent:
    """A baseline of that name with its first setting."""
    training, facts = Training.of(task, dataset, 0), registry.facts("baseline", name)
    words, estimator = training.candidates(registry.load("baseline", name)())[0]
    training.fit(estimator, training.rows.shape[0])
    model = Fitted(estimator, Columns(task), training.classes, facts.get("gives") == "decisions", sharpness=2.0)
    return Opponent(name, facts["title"], model, 0.5, words, rows=len(training.target), whole=training.whole)


def shipped(name: str, dataset: Dataset, folder: Path, task_name: str) -> tuple[Opponent, str]:
    """A baseline as a package in a folder, by its name; with what was judged, and why it was not kept."""
    task = task_of(task_name, dataset)
    one = opponent(name, dataset, task)
    net = Package("part", {"name": "mlp", "settings": {}}, task, nn.Identity())
    said = Shipping(folder, net).ship(one, dataset=dataset, always=True)
    return one, said
