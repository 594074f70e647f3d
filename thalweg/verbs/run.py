"""A run and how it is opened again: its folder, its package, its data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from thalweg import __version__
from thalweg.core import files
from thalweg.core.errors import PackageRefusal, UsageRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.settings import read_settings
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset
from thalweg.data.settings import DataSettings, OnBadFile
from thalweg.fields.encoding import Column
from thalweg.packages.described import is_package
from thalweg.packages.foreign import refuse_foreign
from thalweg.packages.package import Package, load_package
from thalweg.tasks._task import Task
from thalweg.training.fit import Fitted
from thalweg.training.reopened import dataset_in, dataset_of_run, settings_of_run
from thalweg.training.stage import Own


@dataclass
class Run:
    """A training and all that came of it, in its folder.

    Attributes:
        folder: where everything lies.
        fitted: what training came to; None when the run was loaded.
    """

    folder: RunFolder
    fitted: Fitted | None = None
    own: Own = field(default_factory=Own)

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @cached_property
    def package(self) -> Package:
        """The model with its task and encodings; loaded and verified when first used."""
        if self.fitted is not None:
            return self.fitted.package
        refuse_unfinished(self.folder)
        return load_package(self.folder.model, model=self.own.model, task=self.own.task)

    @property
    def results(self) -> dict[str, Any]:
        """Metrics with intervals, baselines, verdict; empty until the run was evaluated."""
        if not self.folder.results.exists():
            return {}
        return files.read_object(self.folder.results, where=self.folder.results.name)

    def predict(self, data: Any = None, **request: Any) -> dict[str, Column]:  # noqa: ANN401
        """Predictions for data, or for a request alone; see `predict`."""
        from thalweg.verbs.predict import predict

        return predict(self, data, **request)

    def compare(
        self,
        opponent: Any = None,
        data: Any = None,
        *,
        seeds: int | None = None,
        folds: bool | None = None,
        talk: Talk | None = None,  # noqa: ANN401
    ) -> dict[str, Any]:
        """Net and baselines with the verdict; over seeds or folds, of the method; beside any model; see `compare`."""
        from thalweg.verbs.compare import compare

        return compare(self, opponent, data, seeds=seeds, folds=folds, talk=talk)

    def __repr__(self) -> str:
        metric = self.results.get("metric") or {}
        shown = f": {metric['name']} {metric['value']:.4g}" if metric.get("value") is not None else ""
        return f"Run({str(self.path)!r}{shown})"


def load(path: str | Path, *, model: nn.Module | None = None, task: type[Task] | None = None) -> Run | Package:
    """The run in a folder, or the package where only a `model/` folder was copied.

    Args:
        model: an instance of your own class, for a run that was trained with one.

    Raises:
        UsageRefusal: neither stands there.
        PackageRefusal: the package is damaged.
    """
    path = Path(path)
    refuse_foreign(path)
    if is_package(path):
        return load_package(path, model=model, task=task)
    return Run(RunFolder.existing(path), own=Own(model, task))


def dataset_of(
    run: Run | Package,
    data: Any = None,  # noqa: ANN401
    *,
    on_bad_file: OnBadFile | None = None,
    group: str | None = None,
) -> Dataset:
    """The run's own dataset, read and encoded again as its settings say; or other data, in the model's encodings.

    Its floats are of the model's type, where the model lies.

    Args:
        group: the column of other data whose equal values belong together; None: that of the run.

    Raises:
        UsageRefusal: a package has no data of its own.
    """
    package = package_of(run)
    if data is not None:
        before = settings_of_run(run.folder).data if isinstance(run, Run) else DataSettings()
        said = said_of_files(on_bad_file, before)
        dataset = dataset_in(package, data, said if group is None else said.model_copy(update={"group": group}))
    elif not isinstance(run, Run):
        raise UsageRefusal(
            "RUN_NEEDED",
            "a package alone has no test part",
            where="evaluate",
            why="there must be examples to measure on",
            fix="give data too: thalweg evaluate MODEL DATA; or a run's folder",
        )
    elif run.fitted is not None:
        return run.fitted.dataset
    else:
        dataset = dataset_of_run(settings_of_run(run.folder), run.folder)
        _refuse_other_preprocessing(package, dataset, run.folder)
    return dataset.to(package.like.device, package.like.dtype)


def _refuse_other_preprocessing(package: Package, dataset: Dataset, folder: RunFolder) -> None:
    """Raise where the data, prepared again, are prepared otherwise than those that the model has learned from."""
    ours, theirs = dataset.encodings.as_json(), package.encodings.as_json()
    before = {str(one.get("name")): one for one in theirs}
    other = [str(one.get("name")) for one in ours if not _alike(one, before.pop(str(one.get("name")), None))] + list(before)
    if not other:
        return
    version = str(package.facts.get("thalweg", "unknown"))
    raise PackageRefusal(
        "EVALUATE_OTHER_PREPROCESSING",
        f"the run's data are prepared otherwise now than when the model learned: {', '.join(other[:8])}",
        where=f"{folder.path}; model by thalweg {version}, this is {__version__}",
        why="the model would be measured on inputs that mean something else",
        fix="restore the data file or the model/ of this run, or train again; other data: thalweg evaluate RUN DATA",
        details={"fields": other, "model": version, "here": __version__},
    )


def _alike(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON values
    """The same JSON values, numbers as far as sums in another order allow."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return set(one) == set(other) and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) or isinstance(other, float):
        numbers = isinstance(one, int | float) and isinstance(other, int | float)
        return numbers and (one == other or math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-9) or one != one)
    return bool(one == other)


def package_of(run: Run | Package) -> Package:
    """The package of a run, or itself."""
    return run.package if isinstance(run, Run) else run


def run_of(run: Run | Package, what: str) -> Run:
    """The run; a package alone is refused, for the reason given."""
    if not isinstance(run, Run):
        raise UsageRefusal(
            "RUN_NEEDED", what, where="model/", why="what came before it stands in its run", fix="give a run folder"
        )
    return run


def said_of_files(on_bad_file: str | None, before: DataSettings | None = None) -> DataSettings:
    """What is said of data, with another word on broken files where there is one."""
    said = {} if on_bad_file is None else {"on_bad_file": on_bad_file}
    return read_settings(DataSettings, (before or DataSettings()).model_dump(exclude_unset=True) | said, where="--on-bad-file")


def refuse_unfinished(folder: RunFolder) -> None:
    """Raise where a run has no model yet."""
    if folder.model.exists() or folder.state() != "unfinished":
        return
    steps = folder.steps()
    raise UsageRefusal(
        "RUN_UNFINISHED",
        f"the run in {folder.path} has not finished" + (f"; it was saved after step {steps[0]:,}" if steps else ""),
        where=str(folder.path),
        why="a model is shipped when the last step is done",
        fix=f"wait for it, or go on with it: thalweg train --resume --out {folder.path}",
    )
