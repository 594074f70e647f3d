"""What mutations are made of: small runs of several rules, and packages of every form."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tests.evaluation.arrays import classes
from tests.evaluation.shipping import shipped
from tests.training.resuming import fitted
from thalweg.core.run_folder import RunFolder
from thalweg.training.stage import Own

KEPT = {"checkpoint_steps": 2, "checkpoints_kept": 10, "threads": 1}
RULES: dict[str, dict[str, Any]] = {
    "backpropagation": {"source": "xor", "model": {"name": "mlp", "hidden": [4]}, "rule": {"steps": 6, "average": 0.9}},
    "stages": {
        "source": "iris",
        "model": {"name": "mlp", "hidden": [4]},
        "stages": [{"rule": {"steps": 2}}, {"rule": {"steps": 4, "optimizer": "sgd"}}],
    },
    "k-means": {"source": "iris", "model": {"name": "rbf", "units": 6}, "rule": {"steps": 6}},
    "competitive": {"source": "iris", "model": {"name": "map", "rows": 2, "columns": 2}, "rule": {"steps": 6}},
    "members": {"source": "xor", "model": {"name": "mlp", "hidden": [4]}, "rule": {"name": "members", "members": 2}},
    "hebbian": {"source": "patterns", "source_settings": {"count": 3}},
}
"""Settings of runs by what they show; each keeps a checkpoint at every second step."""

BASELINES = ("logistic-regression", "k-nearest-neighbours", "random-forest")


class Twin(nn.Module):
    """A model of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@dataclass(frozen=True)
class Sealed:
    """A folder with a manifest, and the one that has a file of the same name from elsewhere.

    Attributes:
        name: of what it is, for the person who reads a failure.
        files: relative names to contents, the manifest among them.
        stale: the same of another step, or of another package.
        number: what a checkpoint's folder is called; None of a package.
    """

    name: str
    files: Mapping[str, bytes]
    stale: Mapping[str, bytes]
    number: int | None = None

    def put(self, path: Path) -> Path:
        """Lay it down, in the place of what stands there."""
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        for name, content in self.files.items():
            (path / name).write_bytes(content)
        return path


@dataclass(frozen=True)
class Artefacts:
    """All that was trained.

    Attributes:
        runs: unfinished ones by what they show, their packages written.
        packages: one of each form, and more.
        checkpoints: the last of each run, what is stale being the one before.
    """

    runs: Mapping[str, Path]
    packages: list[Sealed]
    checkpoints: list[Sealed]


def make(folder: Path) -> Artefacts:
    """Train all runs."""
    runs = {name: fitted({**settings, **KEPT}, folder / name).folder for name, settings in RULES.items()}
    own = fitted({"source": "iris", "rule": {"steps": 4}, **KEPT}, folder / "own", own=Own(model=Twin())).folder
    for name in BASELINES:
        shipped(name, classes(60), folder / "baselines", "classification")
    packages = {name: run.model for name, run in runs.items()} | {"external": own.model}
    packages |= {name: folder / "baselines" / name for name in BASELINES}
    folders = list(packages.values())
    after = {name: folders[(number + 1) % len(folders)] for number, name in enumerate(packages)}
    sealed = [Sealed(name, files_of(path), files_of(after[name])) for name, path in packages.items()]
    return Artefacts(
        {name: run.path for name, run in runs.items()},
        sealed,
        [_last_checkpoint(name, run, runs["k-means"]) for name, run in runs.items()],
    )


def _last_checkpoint(name: str, run: RunFolder, other: RunFolder) -> Sealed:
    last, *before = run.steps()
    stale = run.checkpoints / str(before[0]) if before else other.checkpoints / str(other.steps()[0])
    return Sealed(name, files_of(run.checkpoints / str(last)), files_of(stale), number=last)


def files_of(folder: Path) -> dict[str, bytes]:
    """A folder of files in memory."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
