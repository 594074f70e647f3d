"""Evaluate: the metrics of a run or package, on its own test part or on other data."""

from pathlib import Path
from typing import Any

from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset
from thalweg.data.settings import OnBadFile
from thalweg.packages.package import Package
from thalweg.verbs.run import Run, dataset_of, load, package_of


def evaluate(
    run: Run | Package | str | Path,
    data: Any = None,  # noqa: ANN401
    *,
    on_bad_file: OnBadFile | None = None,
    talk: Talk | None = None,
) -> dict[str, Any]:
    """The metrics of a run or package with their intervals: on the run's own test part, or on all rows of the data given.

    Args:
        on_bad_file: what files that cannot be read lead to in the data given; None: what they led to when it was trained.

    Raises:
        UsageRefusal: a package and no data.
        DataRefusal: the data lacks what the model reads or what is to be predicted.
    """
    from thalweg.evaluation.evaluate import evaluate as measure

    found = load(run) if isinstance(run, str | Path) else run
    package = package_of(found)
    dataset = dataset_of(found, data, on_bad_file=on_bad_file)
    if isinstance(data, str | Path):
        _tell_data(dataset, package, talk or Talk())
    return measure(package.task, package.model, dataset, part="test").as_json()


def _tell_data(dataset: Dataset, package: Package, talk: Talk) -> None:
    """What was read to be measured on, and a warning where it may be what was learned from."""
    if dataset.notes:
        talk.say("data", *dataset.notes)
    if dataset.name == package.facts.get("data", {}).get("name"):
        talk.warn(
            f'the model was trained on data of this name ("{dataset.name}"): rows that it learned from flatter the figures; '
            "a run without DATA is measured on its own test part"
        )
