"""R27: after any history of saves, kills, rotations and damage a checkpoint can be loaded, and nothing foreign is removed."""

import math
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.reliability.dying import dying
from tests.reliability.figures import Row, shares
from thalweg.core.disk import temporary_owner
from thalweg.core.errors import Refusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.verified import Verified

HISTORY = Row(
    "R27",
    "random histories of saves, kills before any system call, rotations, damage and foreign files: a checkpoint to load always",
    "the best one is spared (Hugging Face; here each holds the best weights); others' files deleted (Lightning 12045, 18750)",
)
ACTS = 10


@dataclass
class History:
    """A run folder and all that was done to it.

    Attributes:
        step: of the newest save that was begun.
        floor: no checkpoint before this one need be left; the newest that could be loaded when it was looked at last.
        foreign: what was put there by somebody else.
    """

    run: RunFolder
    chance: random.Random
    step: int = 0
    floor: int = -1
    foreign: set[bytes] = field(default_factory=set)
    acts: list[str] = field(default_factory=list)
    verified: Verified = field(default_factory=Verified)

    def save(self, *, again: bool = False) -> None:
        """Write a checkpoint and rotate, as a run does after a step; or the last one once more, as at the end of a stage."""
        self.step += 0 if again else self.chance.randint(1, 3)
        size = self.chance.choice((0, 10, 5000))
        files = {"state.json": b"{}", "state.safetensors": self.chance.randbytes(size)}
        keep, step, whole = self.chance.randint(1, 3), self.step, self.loadable()

        def act() -> None:
            self.run.write_checkpoint(step, files, stamp={"size": size})
            self.run.rotate(keep, verified=self.verified)

        if self._lives(act):
            left = self.loadable()
            assert left[-1:] == [step], "a save that returned is lost"
            assert set(sorted({*whole, step})[-keep:]) <= set(left), f"of the newest {keep} that verified one is gone"

    def save_again(self) -> None:
        self.save(again=True)

    def take_up(self) -> None:
        """The next process takes the run up, which sweeps it, and lets go."""
        if self._lives(lambda: self.run.lock().release()):
            left = [one for one in self.run.path.rglob("*") if temporary_owner(one.name) is not None]
            assert not left, f"{left[0].name} was not swept"

    def damage(self) -> None:
        """Change, cut, remove or add a file of a checkpoint, as long as another one is whole."""
        whole = self.loadable()
        if len(whole) < 2:
            return
        step = self.chance.choice(whole)
        folder = self.run.checkpoints / str(step)
        path = self.chance.choice(sorted(folder.iterdir())) if folder.is_dir() else None
        if path is None:  # moved aside by a kill between two renames
            return
        data = path.read_bytes()
        how = self.chance.choice(("flipped", "cut", "removed", "added"))
        if how == "removed":
            path.unlink()
        elif how == "added":
            self._put(folder / "notes.txt")
        elif data:
            at = self.chance.randrange(len(data))
            path.write_bytes(data[:at] if how == "cut" else data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        self.floor = max(self.loadable())

    def leave_something(self) -> None:
        """Somebody puts a file or a folder of their own beside the checkpoints."""
        name = self.chance.choice(("notes.txt", "00", "7.old/a.txt", ".hidden", "best"))
        if not os.path.lexists(self.run.checkpoints / name):
            self._put(self.run.checkpoints / name)

    def loadable(self) -> list[int]:
        """The steps of checkpoints that verify, the newest last."""
        return [step for step in reversed(self.run.steps()) if self._verifies(step)]

    def check(self) -> None:
        """What must hold at every instant."""
        whole = self.loadable()
        assert whole or self.floor < 0, "no checkpoint can be loaded"
        assert not whole or whole[-1] >= self.floor, f"checkpoint {self.floor} is gone"
        assert self.run.newest_checkpoint().folder is not None or not whole
        self.floor = whole[-1] if whole else -1
        kept = {path.read_bytes() for path in self.run.path.rglob("*") if path.is_file()}
        assert self.foreign <= kept, "a foreign file is gone"

    def _verifies(self, step: int) -> bool:
        try:
            self.run.checkpoint(step)
        except Refusal:
            return False
        return True

    def _put(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.foreign.add(data := f"mine, number {len(self.foreign)}".encode())
        path.write_bytes(data)

    def _lives(self, act: Callable[[], None]) -> bool:
        before = self.chance.randint(1, 90) if self.chance.random() < 0.6 else math.inf
        with dying(before) as life:
            act()
        self.acts[-1] += f", killed before call {life.calls}" if life.dead else ""
        return not life.dead


def lived(folder: Path, number: int) -> None:
    """One history, checked after each act and each kill."""
    history = History(RunFolder(folder), random.Random(number))
    folder.mkdir()
    usual = [history.save] * 6 + [history.save_again, history.take_up, history.take_up]
    rarer = [history.damage, history.damage, history.leave_something]
    for _ in range(ACTS):
        act = history.chance.choice(usual + rarer if history.run.checkpoints.is_dir() else usual)
        history.acts.append(act.__name__)
        try:
            act()
            history.check()
        except (AssertionError, Refusal) as fault:
            raise AssertionError(f"history {number}: {fault} after {history.acts}") from fault


@pytest.mark.parametrize("share", shares(150, 10_000, each=1_000), ids=str)
def test_r27_after_any_history_a_checkpoint_can_be_loaded_and_nothing_foreign_is_gone(quick, share):
    for number in share:
        lived(quick / str(number), number)
    HISTORY.note(len(share), len(share))
