"""R1: whole command lines, killed anywhere from their first import to their last line, and repeated until they end."""

import itertools
import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.running import process
from tests.reliability.figures import Row, sized
from tests.reliability.killing import ended_already, left_by, looked_at, stale

COMMANDS = {
    "a verdict": ("iris", "--model", "mlp", "--steps", "20"),
    "boosted trees and a verdict on numbers": ("diabetes", "--steps", "15"),
    "pictures at random": ("digits", "--steps", "20", "--augment", "shift", "--no-compare"),
    "two stages in bfloat16": (
        *("wine", "--precision", "bfloat16", "--no-compare", "--steps", "10", "--patience", "5"),
        *("--set", "stages=[{}, {rule: {average: 0.9}}]"),
    ),
    "an environment": ("cartpole", "--steps", "40", "--no-compare", "--set", "rule.warmup=50"),
}
KILLS = sized(1, 4)
ENDS = Row("R1", "SIGKILLs at random moments, of whole command lines from their imports to their report", order=1)


def started(folder: Path, *asked: str) -> subprocess.Popen:
    """A command line in a session of its own, the first to look at its test part."""
    given = ("train", *asked, "--threads", "1", "--set", "checkpoint_steps=2", "--set", "evaluate_every=5", "--out", folder)
    return process(*given, XDG_CACHE_HOME=str(folder.parent / "cache"))


def ended(running: subprocess.Popen) -> None:
    out, err = running.communicate(timeout=100)
    assert running.returncode == 0, err or out


@pytest.mark.reliability
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", COMMANDS)
def test_r01_a_command_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path, name):
    chance, kills = random.Random(name), 0
    whole = tmp_path / "whole" / "run"
    whole.parent.mkdir()
    begun = time.monotonic()
    ended(started(whole, *COMMANDS[name]))
    seconds = time.monotonic() - begun
    expected = left_by(whole)
    for again in itertools.count():  # a command may end before its moment has come
        folder = tmp_path / f"killed-{again}" / "run"
        folder.parent.mkdir()
        newest, moments = -1, list[float]()
        while True:
            running = started(folder, *COMMANDS[name])
            if kills == KILLS:
                ended(running)
                break
            try:
                running.communicate(timeout=chance.uniform(0, seconds))
                assert running.returncode == 0
                break
            except subprocess.TimeoutExpired as over:
                running.kill()
                running.communicate()
                kills, moments = kills + 1, [*moments, round(float(over.timeout), 2)]
            faults, found = looked_at(folder) if folder.exists() else ([], -1)
            assert faults == [], f"killed after {moments}"
            assert found >= newest, f"a checkpoint is gone: killed after {moments}"
            newest = found
            if ended_already(folder):
                break
        found_in_the_end = left_by(folder)
        differing = [one for one in expected | found_in_the_end if expected.get(one) != found_in_the_end.get(one)]
        assert differing == [], f"killed after {moments}"
        assert stale(folder.parent) == [], f"killed after {moments}"
        if kills == KILLS:
            break
    ENDS.note(kills, kills)
