"""What rules that sum over a batch are held to: two processes that share each batch learn what one does."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from tests.fresh_process import Fresh
from tests.training.elsewhere import learned


def assert_two_processes_learn_the_same(settings: Mapping[str, Any], tmp_path: Path, *, tolerance: float = 1e-9) -> None:
    """Train in float64 on one process and on two; compare all weights of what ships.

    Args:
        tolerance: largest difference, absolute and relative; sums in another order differ in the last bits.
    """
    paths = {world: tmp_path / f"{world}.safetensors" for world in (1, 2)}
    started = [process for world, path in paths.items() for process in _start(settings, path, world=world)]
    for process in started:
        process.answer()
    one, two = (load_file(path) for path in paths.values())
    for name, tensor in one.items():
        torch.testing.assert_close(
            two[name], tensor, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def _start(settings: Mapping[str, Any], path: Path, *, world: int) -> list[Fresh]:
    given = json.dumps({**settings, "precision": "float64", "device": "cpu"})
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(world)}
    return [Fresh(learned, given, str(path), **place, RANK=str(rank)) for rank in range(world)]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
