"""Trainings that are killed at random moments, what is watched meanwhile, and what must be equal in the end.

All of this happens in a process that has imported thalweg once (see `Fresh`); each attempt at a run is forked from it, killed
after a while, and made again, until one has come to the end.
"""

import itertools
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.reliability.matrix import Kind, kinds

LIMIT = 60.0
"""Seconds after which a run that nobody kills should have ended."""
CLOCK = {"log.txt", "trace.jsonl", "looks.jsonl", "run.json", "report.html"}
"""Files of a run that tell when things happened, and so differ between two runs."""
TIMES = {"seconds", "profile", "looks", "importance"}
"""Keys of JSON that do, or that hold what is measured as often as time allows."""


@dataclass
class Outcome:
    """What came of a kind of run.

    Attributes:
        kills: attempts that were killed.
        runs: runs that came to their end after kills.
        steps: steps whose rows were written down.
        wrong: what should not be, in words.
    """

    kind: str
    kills: int = 0
    runs: int = 0
    steps: int = 0
    wrong: list[str] = field(default_factory=list)


class Attempt:
    """A forked process that does something; killed or not, it leaves its folder.

    Args:
        act: what it does; a number that it gives is its exit code.
        failed: the file into which what it raises is written.

    Attributes:
        code: that it ended with.
    """

    code: int

    def __init__(self, act: Callable[[], int | None], failed: Path) -> None:
        self.failed = failed
        self._ended, theirs = os.pipe()
        sys.stdout.flush()
        self.number = os.fork()
        if self.number == 0:
            os.close(self._ended)
            os.setsid()
            code = 1
            try:
                code = act() or 0
            except BaseException:  # noqa: BLE001 - whatever it is, the test tells it
                failed.write_text(traceback.format_exc())
            finally:
                os._exit(code)
        os.close(theirs)

    def ends_well_within(self, seconds: float) -> bool:
        """Whether it ended by itself; it must have ended well."""
        if not self.ends_within(seconds):
            return False
        assert self.code == 0, self.failed.read_text() if self.failed.exists() else f"ended with {self.code}"
        return True

    def ends_within(self, seconds: float) -> bool:
        """Whether it ended."""
        if not select.select([self._ended], [], [], seconds)[0]:
            return False
        self._gone()
        return True

    def send(self, number: int) -> None:
        """Send a signal, if it has not ended meanwhile; it keeps its number until somebody asks for its end."""
        os.kill(self.number, number)

    def kill(self) -> None:
        """As the system kills what needs too much memory. Nothing that it started may live on."""
        os.kill(self.number, signal.SIGKILL)
        self._gone()

    def _gone(self) -> None:
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.number, 0)[1])
        os.close(self._ended)
        until = time.monotonic() + 2
        while _lives(self.number):
            assert time.monotonic() < until, "a process that it started lives on"
            time.sleep(0.01)


def _lives(session: int) -> bool:
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


class Ledger:
    """A listener that writes down which rows each step read."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._write(["begun"])

    def __call__(self, progress: Any, rule: Any) -> None:
        at, rows = progress.at, progress.batch.rows
        self._write([at.stage, at.step, at.epoch, None if rows is None else rows.tolist()])

    def _write(self, line: list[Any]) -> None:
        os.write(self.file, json.dumps(line).encode() + b"\n")

    def due(self, progress: Any) -> float:
        return float(progress.position.step + 1)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""


def trained(kind: Kind, folder: Path) -> None:
    """One attempt at a run: from its beginning, or from where the last one was killed."""
    import thalweg.verbs.train as verb

    os.environ["XDG_CACHE_HOME"] = str(folder.parent / "cache")  # looks at the test part are counted by themselves
    if not _by_program(kind):
        verb.fit = partial(verb.fit, listeners={"ledger": Ledger(folder.parent / "ledger")})
    kind.train(folder)


def _by_program(kind: Kind) -> bool:
    """A program takes many steps between two looks of the listeners, so that most batches are never seen."""
    return any(isinstance(plan, Mapping) and plan.get("program") for plan in kind.settings.get("speed", ()))


def warm() -> None:
    """Import what a training imports, so that no attempt waits for it; nothing is learned here that could be inherited."""
    import torch

    from thalweg import api
    from thalweg.evaluation import folds, looks, packaged, results
    from thalweg.report import examples, map_section, report, samples

    torch.set_num_threads(1)
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1).step()
    assert all((api, folds, looks, packaged, results, examples, map_section, report, samples))


def killed(numbers: Sequence[int], root: Path, kills: int) -> list[Outcome]:
    """Kill runs of some kinds; see `Outcome`."""
    warm()
    every = kinds()
    return [_killed(every[number], root / str(number), kills, random.Random(number)) for number in numbers]


def _killed(kind: Kind, root: Path, kills: int, chance: random.Random) -> Outcome:
    told = Outcome(kind.name)
    begun = time.monotonic()
    whole = _ended(kind, root / "whole" / "run")
    seconds = time.monotonic() - begun
    expected, order = left_by(whole), committed(whole.parent / "ledger")
    while told.kills < kills:
        folder = root / f"killed-{told.runs}" / "run"
        moments = _killed_until_it_ends(kind, folder, told, kills, lambda: chance.uniform(0, 0.9 * seconds))
        found = left_by(folder)
        told.wrong += [f"{name} differs after {moments}" for name in expected | found if expected.get(name) != found.get(name)]
        told.wrong += [f"{one} is left behind after {moments}" for one in stale(folder.parent)]
        rows = committed(folder.parent / "ledger")
        told.wrong += [] if rows == order else [f"rows were read in another order after {moments}"]
        told.wrong += [f"{fault} after {moments}" for fault in gaps(rows, moving=kind.moving)]
        told.runs, told.steps = told.runs + 1, told.steps + len(rows)
    return told


def _ended(kind: Kind, folder: Path) -> Path:
    folder.parent.mkdir(parents=True)
    assert Attempt(partial(trained, kind, folder), folder.parent / "failed").ends_well_within(LIMIT), "it takes too long"
    return folder


def _killed_until_it_ends(kind: Kind, folder: Path, told: Outcome, kills: int, moment: Callable[[], float]) -> list[float]:
    """Repeat a run until it has come to its end; gives the moments of the kills."""
    folder.parent.mkdir(parents=True)
    moments: list[float] = []
    newest = -1
    while True:
        attempt = Attempt(partial(trained, kind, folder), folder.parent / "failed")
        after = moment() if told.kills < kills else LIMIT
        try:
            if attempt.ends_well_within(after):
                return moments
        except AssertionError as error:
            raise AssertionError(f"{kind.name} after {moments}: {error}") from None
        attempt.kill()
        moments.append(round(after, 3))
        told.kills += 1
        assert told.kills <= kills, f"{kind.name} takes too long"
        faults, found = looked_at(folder)
        told.wrong += [f"{fault} after {moments}" for fault in faults]
        told.wrong += [f"checkpoint {newest} is gone after {moments}"] if found < newest else []
        newest = found
        if ended_already(folder):
            return moments


def ended_already(folder: Path) -> bool:
    """Whether a run that was stopped was on its way out; what it left is then taken away, as by whoever comes next."""
    from thalweg.core.run_folder import RunFolder

    run = RunFolder(folder)
    if run.state() != "finished":
        return False
    run.lock().release()
    return True


def looked_at(folder: Path) -> tuple[list[str], int]:
    """What is wrong with a run's folder right after a kill, and its newest checkpoint (-1: none yet)."""
    from thalweg.core import files
    from thalweg.core.errors import Refusal
    from thalweg.core.manifest import open_folder
    from thalweg.core.run_folder import RunFolder
    from thalweg.core.strict_yaml import read_yaml
    from thalweg.packages.package import FORMAT, VERSION

    run, wrong, whole = RunFolder(folder), list[str](), [-1]
    readers: list[tuple[str, Callable[[], Any]]] = [
        (path.name, partial(files.read_json, path, where=path.name)) for path in folder.glob("*.json")
    ]
    readers += [(path.name, partial(files.read_lines, path, where=path.name)) for path in folder.glob("*.jsonl")]
    readers += [(path.name, partial(read_yaml, path)) for path in folder.glob("*.yaml")]
    readers += [("model", partial(open_folder, run.model, format=FORMAT, newest=VERSION))] if run.model.exists() else []
    for name, read in readers:
        try:
            read()
        except (Refusal, ValueError) as refusal:
            wrong.append(f"{name} is damaged ({refusal})")
    for step in run.steps():
        try:
            run.checkpoint(step)
            whole.append(step)
        except Refusal as refusal:
            wrong.append(f"checkpoint {step} is damaged ({refusal})")
    return wrong, max(whole)


def left_by(folder: Path) -> dict[str, Any]:
    """All that a run left which no clock decides, by the name of its file."""
    left: dict[str, Any] = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        name = str(path.relative_to(folder))
        if path.name in CLOCK:
            left[name] = "there"
        else:
            left[name] = _read(path, path.read_bytes().replace(bytes(folder.parent), b"."))
    return left


def _read(path: Path, content: bytes) -> Any:
    """What a file says, where the order of its keys may be another."""
    if path.suffix == ".yaml":
        return yaml.safe_load(content)
    if path.name == "manifest.json":  # its own digest counts the seconds of a checkpoint
        return {key: one for key, one in _timeless(json.loads(content)).items() if key != "digest"}
    return _timeless(json.loads(content)) if path.suffix == ".json" else content


def _timeless(value: Any) -> Any:
    if isinstance(value, list):
        return [_timeless(one) for one in value]
    return {key: _timeless(one) for key, one in value.items() if key not in TIMES} if isinstance(value, dict) else value


def stale(root: Path) -> list[str]:
    """Temporary files and folders that the end of a run left behind, in its folder or in the user's cache."""
    from thalweg.core.disk import temporary_owner
    from thalweg.core.run_lock import LOCK

    return [
        str(path.relative_to(root))
        for path in root.rglob("*")
        if temporary_owner(path.name) is not None or path.name.endswith(".replaced") or path.name == LOCK
    ]


Step = tuple[int, int, int, tuple[int, ...] | None]


def committed(ledger: Path) -> list[Step]:
    """The steps of a run that count: of each attempt those before the step at which the next one went on."""
    if not ledger.exists():
        return []
    kept: list[Step] = []
    goes_on = False
    for line in map(json.loads, ledger.read_text().splitlines()):
        if line == ["begun"]:
            goes_on = True
            continue
        stage, step, epoch, rows = line
        if goes_on:
            kept = [one for one in kept if one[:2] < (stage, step)]
            goes_on = False
        kept.append((stage, step, epoch, None if rows is None else tuple(rows)))
    return kept


def gaps(steps: Sequence[Step], *, moving: bool = False) -> list[str]:
    """Steps that are missing or repeated, and rows that an epoch misses or reads twice.

    Args:
        moving: each epoch has rows of its own.
    """
    wrong = []
    for before, after in itertools.pairwise(steps):
        follows = (before[0], before[1] + 1) if before[0] == after[0] else (before[0] + 1, 0)
        wrong += [] if after[:2] == follows else [f"step {after[:2]} follows {before[:2]}"]
    epochs: dict[tuple[int, int], list[int]] = {}
    for stage, _, epoch, rows in steps:
        epochs.setdefault((stage, epoch), []).extend(rows or ())
    for (stage, epoch), rows in epochs.items():
        wrong += [f"a row is read twice in epoch {epoch}"] if len(set(rows)) < len(rows) else []
        whole = (stage, epoch + 1) in epochs and not moving
        wrong += [f"rows are missing in epoch {epoch}"] if whole and set(rows) != set(epochs[stage, 0]) else []
    return wrong
