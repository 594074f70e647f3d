"""R13: on one machine, with equal threads, a run gives the same bits every time, whatever Python's hashes are seeded with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.figures import Row, sized
from tests.reliability.repeating import TASKS

SAME = Row("R13", "runs of six tasks, 20 of each, by processes with other hash seeds, folders and time zones: equal bits")
SEEDS = ("0", "random", "1", "2")[: sized(2, 4)]
EACH = sized(2, 5)


@pytest.mark.reliability
@pytest.mark.timeout(400)
@pytest.mark.parametrize("tasks", [sorted(TASKS)[:3], sorted(TASKS)[3:]], ids=", ".join)
def test_r13_runs_of_six_tasks_leave_the_same_bits_every_time(tmp_path, tasks):
    found: dict[str, set[str]] = {task: set() for task in tasks}
    root = str(Path(__file__).resolve().parents[2])
    for seed in SEEDS:
        (tmp_path / seed).mkdir()
        ran = subprocess.run(
            [sys.executable, "-m", "tests.reliability.repeating", str(tmp_path / seed), str(EACH), *tasks],
            cwd=tmp_path / seed,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        for task, digests in json.loads(ran.stdout).items():
            assert len(digests) == EACH
            found[task] |= set(digests)
    assert {task: len(digests) for task, digests in found.items()} == dict.fromkeys(tasks, 1)
    SAME.note(len(SEEDS) * EACH * len(tasks), len(SEEDS) * EACH * len(tasks))
