"""One of several processes that train together: started by `test_processes.py` with a launcher's environment variables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from thalweg.core.distributed import connect
from thalweg.core.errors import Refusal
from thalweg.core.processes import Processes
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.training.fit import fit
from thalweg.training.requested import run_settings


class Heard(Talk):
    """Keeps the labels of what is said, and the warnings."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []

    def say(self, label: str, *lines: str) -> None:
        self.said.append(label)

    def warn(self, text: str) -> None:
        self.warned.append(text)


class Rows:
    """A listener that keeps which rows this process read in each step."""

    def __init__(self) -> None:
        self.read: list[tuple[int, int, list[int]]] = []

    def __call__(self, progress: Any, rule: Any) -> None:
        rows = progress.batch.rows
        self.read.append((progress.at.step, progress.at.epoch, [] if rows is None else rows.tolist()))

    def due(self, progress: Any) -> float:
        return float(progress.position.step + 1)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""


def trained(settings: dict, folder: Path, processes: Processes) -> None:
    """One run; what this process found and said, or what it was refused for, stands in `rank-<rank>.json`."""
    if processes.rank == 0:
        RunFolder.create(folder / "run")
    processes.wait()
    talk, rows, told = Heard(), Rows(), folder / f"rank-{processes.rank}.json"
    asked = run_settings({"threads": 1, **settings})
    try:
        fitted = fit(asked, folder=RunFolder(folder / "run"), talk=talk, listeners={"rows": rows})
    except Refusal as refusal:
        told.write_text(json.dumps({"refused": refusal.as_dict()}))
        return
    weights = {name: one.double().tolist() for name, one in fitted.package.model.state_dict().items()}
    facts = {"steps": fitted.steps, "history": fitted.history, "weights": weights, "said": talk.said, "warned": talk.warned}
    told.write_text(json.dumps({**facts, "rows": rows.read}))


def main(runs: Path, folder: Path) -> None:
    """Do a JSON object's runs by name (their settings), each in a folder of its own."""
    torch.set_num_threads(1)
    processes = connect()
    try:
        for name, settings in json.loads(runs.read_text()).items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            trained(settings, folder / name, processes)
    finally:
        processes.leave()
    assert not torch.distributed.is_initialized(), "the group was left"
