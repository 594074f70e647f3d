"""Makes what is kept of a version of a format: `python -m tests.golden.make VERSION`, which never writes over what stands here.

See README.md for the rule.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

import thalweg as tw
from tests.evaluation.arrays import classes
from tests.evaluation.shipping import shipped
from tests.training.resuming import StopAt, fitted
from thalweg.core.run_folder import RunFolder
from thalweg.training.interruption import Interrupted
from thalweg.training.stage import Own

HERE = Path(__file__).parent
ASKED: dict[str, Any] = {
    "source": "iris",
    "model": {"name": "mlp", "hidden": [4]},
    "rule": {"steps": 12, "batch_size": 32, "average": 0.9, "optimizer": "adamw", "clip": 1.0},
    "compare": False,
    "check": False,
    "threads": 1,
    "checkpoint_steps": 3,
    "checkpoints_kept": 1,
}
STOPPED = 6
COLUMNS = {"width": [0.3, -1.2, 0.0, 2.2], "height": [1.0, 0.4, -0.7, -2.0]}
ROWS = {"a": [0.1, 0.5, -1.0], "b": [0.3, -1.0, 0.0], "colour": ["red", "blue", "red"]}


class Mine(nn.Module):
    """A model of somebody's own, given again when its package is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))

    def forward(self, x: Any) -> Any:  # noqa: ANN401 - a tensor (B, 2)
        return self.layers(x)


def external(path: Path) -> dict[str, Any]:
    """A package of form `external`, and what it answers."""
    generator = np.random.default_rng(0)
    table = {name: generator.normal(size=60) for name in COLUMNS}
    table["kind"] = np.where(table["width"] > table["height"], "wide", "high")
    asked = {"data": {"target": "kind"}, "rule": {"steps": 6, "batch_size": 16}}
    with tempfile.TemporaryDirectory() as folder:
        run = fitted(asked, Path(folder) / "run", given=table, own=Own(model=Mine()))
        shutil.copytree(run.folder.model, path)
    said = tw.load(path, model=Mine()).predict({name: np.asarray(column) for name, column in COLUMNS.items()})
    return {"columns": COLUMNS, "kind": said["kind"].tolist(), "probabilities": said["probabilities"].tolist()}


def baseline(path: Path) -> dict[str, Any]:
    """A package of form `baseline`, and what it answers."""
    with tempfile.TemporaryDirectory() as folder:
        shipped("logistic-regression", classes(60), Path(folder), "classification")
        shutil.copytree(Path(folder) / "logistic-regression", path)
    said = tw.load(path).predict({name: as_column(column) for name, column in ROWS.items()})
    return {"columns": ROWS, "target": said["target"].tolist(), "probabilities": said["probabilities"].tolist()}


def as_column(column: list[Any]) -> Any:  # noqa: ANN401 - what `predict` takes
    """Words as they are, numbers as an array."""
    return column if isinstance(column[0], str) else np.asarray(column)


def run(path: Path) -> dict[str, Any]:
    """An unfinished run, stopped after six of its twelve steps, and what it came to when it went on."""
    try:
        fitted(ASKED, path, listeners={"stop": StopAt(STOPPED)})
    except Interrupted:
        pass
    else:
        raise RuntimeError("the run was not stopped")
    (path / ".lock").unlink(missing_ok=True)
    environment = json.loads((path / "environment.json").read_text())
    (path / "environment.json").write_text(json.dumps({**environment, "machine": "", "system": ""}, indent=2) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "run"
        shutil.copytree(path, copy)
        tw.train("iris", out=copy, resume=True)
        return came_to(copy)


def came_to(path: Path) -> dict[str, Any]:
    """The figures of a run that ended: what it measured while it learned, and its headline on the test part."""
    lines = [json.loads(line) for line in RunFolder(path).metrics.read_text().splitlines()]
    return {"metrics": lines, "metric": json.loads((path / "results.json").read_text())["metric"]["value"]}


MADE = {"external": external, "baseline": baseline, "run": run}


def main(version: str) -> None:
    """Make what does not stand here yet."""
    for name, make in MADE.items():
        path = HERE / f"{name}_{version}"
        if path.exists():
            print(f"{path.name} stands already; it is never changed")
            continue
        answers = make(path)
        (HERE / f"{path.name}.json").write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
