"""R2: whenever the power fails, and whatever of the unsynced reached the disk, the old state is read or the new one."""

import random
import shutil
from pathlib import Path

import pytest

from tests.reliability.crashing import Disk, put
from tests.reliability.figures import Row, sized
from tests.reliability.saves import SAVES
from thalweg.core import files
from thalweg.core.disk import temporary_owner

STATES = Row(
    "R2",
    "states of the disk after a power failure in a save, in any order of what was not synced: old or new",
    "names its syncs, no number (PyTorch DCP)",
    order=1,
)


@pytest.mark.parametrize("name", SAVES)
def test_r02_after_a_power_failure_the_old_is_read_or_the_new(quick, name):
    save, chance, tried = SAVES[name], random.Random(name), 0
    (quick / "disk").mkdir()
    save.before(quick / "disk")
    disk = Disk(quick / "disk")
    with disk.watched():
        save.act(quick / "disk")
    assert any(one.sync for one in disk.changes)
    for after in range(len(disk.changes) + 1):
        allowed = save.states if after < len(disk.changes) else save.states[-1:]
        for tree in disk.states(after, most=sized(8, 400), chance=chance):
            put(tree, crashed := quick / "crashed")
            found = save.read(crashed)
            assert found in allowed, f"power fails after {after} of {len(disk.changes)} changes: {found} is read of {tree}"
            for folder in [crashed, *filter(Path.is_dir, sorted(crashed.rglob("*")))]:
                if folder.is_dir():
                    files.sweep(folder)  # as whoever takes up a run does
            if found != save.states[-1]:
                save.act(crashed)
            assert save.read(crashed) == save.states[-1], "what was left stands in the way of the next save"
            assert [one for one in crashed.rglob("*") if temporary_owner(one.name) is not None] == []
            shutil.rmtree(crashed)
            tried += 1
    STATES.note(tried, tried)
