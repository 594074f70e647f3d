"""Ways to answer batches: each thread batches of its own, or all threads within the operations of one, as a trial finds.

Which is faster depends on the net: operations that are large gain by threads within them, small ones lose. The trial answers
some of the first batches of a long prediction both ways in turn; answers are those of the way that is kept, so that they are
the same bits when the way is remembered. `THALWEG_SPEED=plain` tries and remembers nothing.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

import thalweg
from thalweg.core import files
from thalweg.core.errors import Refusal
from thalweg.core.lanes import lanes
from thalweg.core.machine import processor
from thalweg.data.catalogue import cache

Way = Literal["side by side", "within"]
"""Each thread answers batches of its own, or all threads work within each operation."""
LONG = 2.0
"""Seconds that the rest of a prediction must take, by its first batch, to be worth a trial."""
ROUNDS = 2
"""Times that each way is timed, in turn; the faster one counts, as the first time sets up much."""
GAIN = 1.05
"""How many times as fast threads within operations must be."""
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Remembered:
    """The way that was found before for a net, its batches and this machine.

    Attributes:
        path: where it lies; None where nothing is to be tried or remembered.
        way: None: none was found.
    """

    path: Path | None
    way: Way | None = None

    @staticmethod
    def of(model: nn.Module, batch: Mapping[str, Tensor]) -> "Remembered":
        """What is remembered; a file that cannot be read counts as none."""
        if os.environ.get("THALWEG_SPEED") == "plain":
            return Remembered(None)
        try:
            path = cache(of="speed") / f"answers-{_digest(model, batch)}.json"
        except Refusal:
            return Remembered(None)
        try:
            said = files.read_json(path, where=str(path)) if path.is_file() else {}
        except Refusal:
            said = {}
        way = said.get("way") if isinstance(said, dict) else None
        return Remembered(path, "within" if way == "within" else "side by side" if way == "side by side" else None)

    def keep(self, way: Way) -> None:
        """Write what was found; where that cannot be, the next long prediction tries again."""
        try:
            assert self.path is not None
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(self.path, {"way": way})
        except (Refusal, OSError):
            return


def _digest(model: nn.Module, batch: Mapping[str, Tensor]) -> str:
    """A digest of all that the time of an answer depends on: net, rows, machine, versions."""
    facts = {
        "net": {name: [str(one.dtype), *one.shape] for name, one in model.state_dict().items() if isinstance(one, Tensor)},
        "layers": sorted({str(type(one)) for one in model.modules()}),
        "batch": {name: [str(one.dtype), *one.shape] for name, one in batch.items()},
        "machine": [processor(torch.device("cpu")), torch.get_num_threads()],
        "versions": [torch.__version__, thalweg.__version__],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def tried(
    act: Callable[[A], B], parts: Sequence[A], threads: int, *, clock: Callable[[], float] = time.perf_counter
) -> tuple[Way, list[B]]:
    """The faster way, and what comes of the parts by it; torch has one thread before and after.

    Args:
        parts: as many as there are threads, so that each has one.
    """
    seconds: dict[Way, float] = {}
    found: dict[Way, list[B]] = {}
    ways: dict[Way, Callable[[], list[B]]] = {
        "side by side": lambda: list(lanes(threads + 1).ahead(act, parts)),
        "within": lambda: within(act, parts, threads),
    }
    for _ in range(ROUNDS):
        for way, answered in ways.items():
            begun = clock()
            found[way] = answered()
            seconds[way] = min(seconds.get(way, float("inf")), clock() - begun)
    best: Way = "within" if GAIN * seconds["within"] < seconds["side by side"] else "side by side"
    return best, found[best]


def within(act: Callable[[A], B], parts: Sequence[A], threads: int) -> list[B]:
    """What comes of each part, one after the other, with all threads; torch has one afterwards."""
    torch.set_num_threads(threads)
    try:
        return [act(part) for part in parts]
    finally:
        torch.set_num_threads(1)
