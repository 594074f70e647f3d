"""What rules that sum over a batch are held to: two processes that share each batch learn what one does."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

LEARN = """
import json, sys
import torch
from safetensors.torch import save_file
torch.set_num_threads(1)
from thalweg.core import processes
from thalweg.core.device import weights_dtype
from thalweg.data.dataset import Dataset
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.rules._rule import Context
from thalweg.training.loop import learn
from thalweg.training.requested import run_settings
from thalweg.training.stage import Own, build_stage
settings, group = run_settings(json.loads(sys.argv[1])), processes.connect()
raw = read(settings.source, settings.data, own=settings.source_settings or None)
dataset = raw if isinstance(raw, Dataset) else encode(raw, settings.data, seed=settings.seed)
dataset = dataset.to("cpu", weights_dtype(settings.precision))
stage = build_stage(settings, 0, dataset, Own(), Context(group, torch.device("cpu"), settings.precision))
stage.rule.begin(stage.batches, stage.progress.position)
learn(stage.rule, stage.batches, stage.progress, [])
if group.rank == 0:
    save_file(stage.rule.shipped.state_dict(), sys.argv[2])
processes.disconnect()
"""


def assert_two_processes_learn_the_same(settings: Mapping[str, Any], tmp_path: Path, *, tolerance: float = 1e-9) -> None:
    """Train in float64 on one process and on two; compare all weights of what ships.

    Args:
        tolerance: largest difference, absolute and relative; sums in another order differ in the last bits.
    """
    paths = {world: tmp_path / f"{world}.safetensors" for world in (1, 2)}
    started = [process for world, path in paths.items() for process in _start(settings, path, world=world)]
    said = [process.communicate(timeout=110)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], "\n".join(said)
    one, two = (load_file(path) for path in paths.values())
    for name, tensor in one.items():
        torch.testing.assert_close(
            two[name], tensor, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def _start(settings: Mapping[str, Any], path: Path, *, world: int) -> list[subprocess.Popen[bytes]]:
    given = json.dumps({**settings, "precision": "float64", "device": "cpu"})
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(world)}
    return [
        subprocess.Popen(
            [sys.executable, "-c", LEARN, given, str(path)],
            env={**os.environ, **place, "RANK": str(rank)},
            stderr=subprocess.PIPE,
        )
        for rank in range(world)
    ]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
