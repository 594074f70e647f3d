"""Runs of six tasks, again and again, each in a forked process in a time zone of its own; prints digests of what they left.

`python -m tests.reliability.repeating FOLDER COUNT TASK ...`, as `test_same_bits.py` starts it in other folders and with other
seeds of Python's own hashes.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.reliability.killing import LIMIT, Attempt, left_by, warm
from tests.reliability.matrix import NET, Kind, foxes, table

TASKS = {
    "classification": Kind("", {**NET, "rule": {"steps": 24, "batch_size": 16, "average": 0.9}}, table),
    "regression": Kind("", {"source": "diabetes", "rule": {"steps": 6}, "model": {"members": 2, "hidden": [8], "trees": 4}}),
    "sampling": Kind("", {"source": "two-moons", "model": {"name": "velocity-field", "hidden": [8]}, "rule": {"steps": 20}}),
    "language-modelling": Kind(
        "", {"model": {"name": "gpt-char", "layers": 1, "width": 8, "heads": 2}, "rule": {"steps": 12, "batch_size": 16}}, foxes
    ),
    "detection": Kind("", {"source": "blobs", "rule": {"steps": 4, "batch_size": 8}}),
    "control": Kind(
        "",
        {
            "source": "cartpole",
            "source_settings": {"limit": 20},
            "model": {"name": "q-network", "hidden": [8]},
            "rule": {"steps": 9, "batch_size": 4, "every": 3, "warmup": 12, "memory": 24, "actors": 4, "sync": 4},
        },
    ),
}
ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns")


def trained(kind: Kind, folder: Path, zone: str) -> None:
    """One run, in a folder and a time zone of its own."""
    os.environ.update(TZ=zone, XDG_CACHE_HOME=str(folder.parent / "cache"))
    time.tzset()
    os.chdir(folder.parent)
    kind.train(folder)


def digests(root: Path, count: int, tasks: Sequence[str]) -> dict[str, list[str]]:
    """What each run of each task left, as a digest."""
    warm()
    found: dict[str, list[str]] = {}
    for task in tasks:
        for number in range(count):
            folder = root / task / str(number) / "run"
            folder.parent.mkdir(parents=True)
            act = partial(trained, TASKS[task], folder, ZONES[number % len(ZONES)])
            assert Attempt(act, folder.parent / "failed").ends_well_within(LIMIT), f"{task} takes too long"
            left = left_by(folder)
            text = "\n".join(f"{name} {left[name]!r}" for name in sorted(left))
            found.setdefault(task, []).append(hashlib.sha256(text.encode()).hexdigest())
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(digests(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])))
