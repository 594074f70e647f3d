"""One of several processes that train together: started by `test_processes.py` with a launcher's environment variables."""

import json
from pathlib import Path

import torch

from thalweg.core.distributed import connect
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


def trained(settings: dict, folder: Path, processes: Processes) -> None:
    """One run; what this process found and said stands in `rank-<rank>.json`."""
    if processes.rank == 0:
        RunFolder.create(folder / "run")
    processes.wait()
    talk = Heard()
    fitted = fit(run_settings({"threads": 1, **settings}), folder=RunFolder(folder / "run"), talk=talk)
    weights = {name: one.double().tolist() for name, one in fitted.package.model.state_dict().items()}
    facts = {"steps": fitted.steps, "history": fitted.history, "weights": weights, "said": talk.said, "warned": talk.warned}
    (folder / f"rank-{processes.rank}.json").write_text(json.dumps(facts))


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
