"""The run folder: one training, everything about it in one place, and what may be done to it.

A folder is a run's when it holds our `run.json`; only then are the names of the layout ours. Foreign files are never removed or
written over, a run that ended is only replaced when that is said, and what cannot be written is refused before training.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from thalweg import __version__
from thalweg.core.disk import made, make_folder, refusing, sync_folder, temporary_owner
from thalweg.core.errors import PackageRefusal, Refusal, UsageRefusal, nearest
from thalweg.core.files import (
    end_replacement,
    read_json,
    remove_folder,
    set_aside,
    sweep,
    write_folder,
    write_json,
)
from thalweg.core.manifest import TOO_NEW, Folder, aside_of, open_folder, settled, shown, strangers, too_new
from thalweg.core.run_lock import LOCK, RunLock, held_by_another, moved_to, take_lock
from thalweg.core.run_names import base_of, numbered
from thalweg.core.run_place import gone, next_free, refuse_little_room, refuse_path, refuse_unwritable, remove_empty, unfit
from thalweg.core.verified import Verified

RUN_FORMAT, RUN_VERSION = "thalweg.run", 1
CHECKPOINT_FORMAT, CHECKPOINT_VERSION = "thalweg.checkpoint", 1
MARKER = "run.json"
RATES = "find_lr.svg"
"""The picture of a search for a learning rate."""

State = Literal["absent", "empty", "unfinished", "finished", "foreign"]


class Newest(NamedTuple):
    """The newest checkpoint that verifies, or None when there is none at all, and the newer ones that do not."""

    folder: Folder | None
    skipped: list[tuple[Path, str]]


@dataclass(frozen=True)
class RunFolder:
    """A run's folder by its path; making one touches nothing. Use `create`, `fresh` or `existing`."""

    path: Path

    @property
    def settings(self) -> Path:
        """Everything needed to repeat the run."""
        return self.path / "settings.yaml"

    @property
    def environment(self) -> Path:
        """Versions, machine, threads, seed, git state."""
        return self.path / "environment.json"

    @property
    def data(self) -> Path:
        """Schema, fingerprint, splits, findings of the data check."""
        return self.path / "data.json"

    @property
    def metrics(self) -> Path:
        """One JSON line per evaluation."""
        return self.path / "metrics.jsonl"

    @property
    def trace(self) -> Path:
        """What the doctor sampled, in JSON lines."""
        return self.path / "trace.jsonl"

    @property
    def log(self) -> Path:
        """What was printed."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """Holds one folder per checkpoint, named by its step."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The package."""
        return self.path / "model"

    @property
    def baselines(self) -> Path:
        """A package for each baseline that was kept, by its name."""
        return self.path / "baselines"

    @property
    def seeds(self) -> Path:
        """The same training from further seeds: a run for each, by its seed."""
        return self.path / "seeds"

    @property
    def folds(self) -> Path:
        """The same training without each fold of small data: a run for each, by repeat and fold."""
        return self.path / "folds"

    @property
    def judged(self) -> Path:
        """What a comparison over seeds or folds read of this run's net and its opponent."""
        return self.path / "judged"

    @property
    def looks(self) -> Path:
        """One JSON line for each look at the test part."""
        return self.path / "looks.jsonl"

    @property
    def learned(self) -> Path:
        """A number for each training row, so that it is noticed when these are given as new data."""
        return self.path / "learned.npy"

    @property
    def predictions(self) -> Path:
        """Predictions for the held-out rows."""
        return self.path / "predictions.parquet"

    @property
    def plan(self) -> Path:
        """What was decided by measuring: lengths for a time limit, rates and sizes that were looked for."""
        return self.path / "plan.json"

    @property
    def results(self) -> Path:
        """The facts that the last lines and `--json` tell."""
        return self.path / "results.json"

    @property
    def report(self) -> Path:
        """The report as one page."""
        return self.path / "report.html"

    @classmethod
    def create(cls, path: Path, *, force: bool = False, resume: bool = False, inputs: Path | None = None) -> "RunFolder":
        """A folder that is ready to be trained into: writable, and nobody else's.

        Args:
            force: replace the run that stands there, once `begin` is called, and write beside foreign files; those are never
                touched.
            resume: take up the unfinished run that stands there.
            inputs: the data's folder, which the run may not lie in.

        Raises:
            UsageRefusal: the path is a file, ends in a space, lies inside the data, or holds a run or foreign files.
            ResourceRefusal: it cannot be written.
        """
        run = cls(Path(path))
        with refusing(run.path):
            refuse_path(run.path, inputs)
            state = run.state()
        _check_free(run, state, force=force, resume=resume)
        refuse_unwritable(run.path)
        if resume and state == "unfinished":
            return run
        if state in ("finished", "unfinished"):
            take_lock(run.path).release()  # nobody else may be training there
        else:
            run._mark(finished=None)
        return run

    @classmethod
    def fresh(cls, name: str, *, root: Path = Path("runs"), inputs: Path | None = None) -> "RunFolder":
        """A new run under the first free of `<name>`, `<name>-2`, ...; signs that some system cannot hold become dashes."""
        base = base_of(name)
        refuse_path(Path(root) / base, inputs, may_exist=True)
        number = 1
        with refusing(Path(root)):
            make_folder(Path(root))
            while not made(path := Path(root) / numbered(base, number)):
                number += 1
        try:
            return cls.create(path, inputs=inputs)
        except Refusal:
            remove_empty(path)
            raise

    @classmethod
    def existing(cls, path: Path) -> "RunFolder":
        """The run at a path, finished or not.

        Raises:
            UsageRefusal: there is none.
            PackageRefusal: what marks it as one is damaged.
        """
        run = cls(Path(path))
        if run.state() not in ("finished", "unfinished"):
            if (run.path / MARKER).is_file():
                what = f"{MARKER} in {shown(str(path))} is not, or no longer, that of a run"
                fix = f"restore {MARKER} from a good copy; packages in the folder can be loaded by themselves"
                raise PackageRefusal("RUN_DAMAGED", what, where=str(path), why="it says what the folder is", fix=fix)
            what = f"{shown(str(path))} is no run folder" if run.path.exists() else f"{shown(str(path))} does not exist"
            beside = [one.parent.name for one in run.path.parent.glob(f"*/{MARKER}") if one.parent != run.path]
            close = nearest(run.path.name, beside, count=1)
            fix = f"did you mean {shown(str(run.path.parent / close[0]))}?" if close else "give the path of a run"
            raise UsageRefusal("RUN_NOT_FOUND", what, where=str(path), why="a run is needed here", fix=fix)
        return run

    def state(self) -> State:
        """What stands at the path; `foreign` when something is there that is no run."""
        if not os.path.lexists(self.path):
            return "absent"
        if not self.path.is_dir():
            return "foreign"
        marker = self._marker()
        if marker is not None:
            return "finished" if marker.get("finished") else "unfinished"
        return "foreign" if self.foreign() else "empty"

    def foreign(self) -> list[str]:
        """The names in the folder that are not a run's; without our `run.json` that is every name."""
        with refusing(self.path):
            names = sorted(entry.name for entry in self.path.iterdir())
        ours = self._layout() if self._marker() is not None else {LOCK}
        return [name for name in names if name not in ours and temporary_owner(name) is None]

    def finish(self) -> None:
        """Marks the run as ended: from now on it is never written over."""
        self._mark(finished=datetime.now(UTC).isoformat(timespec="seconds"))

    def refuse_little_room(self, needed: int) -> None:
        """Return where the disk has room for so many bytes of a run that is about to begin; see `begin` for what goes first.

        Raises:
            ResourceRefusal: it has not; both figures are told.
        """
        going = [path for name in sorted(self._layout()) if os.path.lexists(path := self.path / name)]
        refuse_little_room(self.path, needed, going=going)

    def begin(self) -> None:
        """Makes room for a run that is about to learn: what an earlier one left here goes now, and not before.

        So a run that is refused for its data or settings takes nothing with it.
        """
        self._clear()
        self._mark(finished=None)

    def abandon(self) -> None:
        """Takes back a run that learned nothing: its files, and the folder where it is then empty; one that learned stays."""
        learned = self.steps() or (self.metrics.is_file() and self.metrics.stat().st_size) or self.model.exists()
        if learned or self.state() != "unfinished" or held_by_another(self.path):
            return
        with contextlib.suppress(OSError, Refusal):
            self._clear()
            if {one.name for one in self.path.iterdir()} - {MARKER}:  # foreign, or of a thread that had been told to quit
                return  # its mark stays: without one, what is left would be nobody's
            os.unlink(self.path / MARKER)
            try:
                self.path.rmdir()
            except OSError:  # the thread was later than that
                self._mark(finished=None)

    def refuse_gone(self) -> None:
        """Return while this is the folder of the run that this process writes; to write on elsewhere would lose the run.

        Raises:
            ResourceRefusal: it was renamed, removed or replaced by another run's.
        """
        if self._marker() is None or held_by_another(self.path):
            raise gone(self.path, moved_to(self.path))

    def lock(self) -> RunLock:
        """Makes this process the only one that writes here, and clears up what killed ones left; see `take_lock`."""
        lock = take_lock(self.path)
        for folder in (self.path, self.checkpoints, self.baselines):
            if folder.is_dir():
                sweep(folder)
        for path in (self.model, self.judged, *(self.checkpoints / str(step) for step in self.steps())):
            end_replacement(path)
        return lock

    def write_checkpoint(self, step: int, files: Mapping[str, bytes], *, stamp: Mapping[str, Any] | None = None) -> Path:
        """Commits `checkpoints/<step>/`; a damaged one of that step is set aside, never removed.

        Args:
            stamp: facts that must agree when it is read; the step is added.

        Raises:
            ResourceRefusal: the system refused; every earlier checkpoint stands.
        """
        path = self.checkpoints / str(step)
        if os.path.lexists(path) and (path.is_symlink() or not path.is_dir() or strangers(path)):
            set_aside(path)
        stamped = {**(stamp or {}), "step": step}
        write_folder(path, files, format=CHECKPOINT_FORMAT, version=CHECKPOINT_VERSION, stamp=stamped, parents=False)
        return path

    def steps(self) -> list[int]:
        """The steps that a checkpoint is named after, newest first, verified or not."""
        names = [entry.name for entry in self.checkpoints.iterdir()] if self.checkpoints.is_dir() else []
        waiting = [match[1] for name in names if (match := re.fullmatch(r"\.([0-9]+)\.replaced", name))]
        return sorted({int(name) for name in (*names, *waiting) if re.fullmatch(r"0|[1-9][0-9]{0,18}", name)}, reverse=True)

    def checkpoint(self, step: int) -> Folder:
        """A verified checkpoint.

        Raises:
            PackageRefusal: it is damaged, too new, or not of the step that it is named after.
        """
        path = self.checkpoints / str(step)
        folder = open_folder(path, format=CHECKPOINT_FORMAT, newest=CHECKPOINT_VERSION)
        stamped = folder.manifest.stamp.get("step")
        if stamped != step:
            what = f"the checkpoint named {step} was taken at step {str(stamped)[:20]}"
            fix = "give it its old name, or use another checkpoint"
            raise PackageRefusal("CHECKPOINT_WRONG_STEP", what, where=str(path), why="it would resume elsewhere", fix=fix)
        return folder

    def newest_checkpoint(self) -> Newest:
        """The newest checkpoint that verifies, and the newer ones with what is wrong with each; nothing is removed.

        Raises:
            PackageRefusal: there are checkpoints, and none of them verifies; or a newer release wrote one.
        """
        skipped: list[tuple[Path, str]] = []
        for step in self.steps():
            try:
                return Newest(self.checkpoint(step), skipped)
            except Refusal as refusal:
                if refusal.code == TOO_NEW:  # it is not damaged: to go on from an older one would lose what it holds
                    raise
                skipped.append((self.checkpoints / str(step), f"{refusal.code}: {refusal.what}"))
        if skipped:
            raise _none_verifies(self.path, skipped)
        return Newest(None, [])

    def rotate(self, keep: int, *, verified: Verified | None = None) -> list[Path]:
        """Removes old checkpoints, but for the newest `keep` that verify; a damaged one is not counted, and stays.

        The best weights so far lie in every checkpoint, so that none is kept for them.

        Args:
            verified: what verified when this was called before, and need not be digested again while its files stand so.

        Returns:
            what was removed.
        """
        assert keep >= 1, "a run without a checkpoint cannot be resumed"
        known = verified or Verified()
        whole = [
            step
            for step in self.steps()
            if self._is_whole(step) and known.holds(self._path(step), partial(self.checkpoint, step))
        ]
        removed = [self._path(step) for step in whole[keep:]]
        for path in removed:
            remove_folder(path)
            known.forget(path)
        return removed

    def _path(self, step: int) -> Path:
        return settled(self.checkpoints / str(step))

    def _is_whole(self, step: int) -> bool:
        path = self._path(step)
        return path.is_dir() and not path.is_symlink() and any(path.iterdir()) and not strangers(path)

    def _layout(self) -> set[str]:
        folders = (self.checkpoints, self.model, self.baselines, self.seeds, self.folds, self.judged)
        files = (self.settings, self.environment, self.data, self.metrics, self.trace, self.log, self.predictions, self.results)
        ours = {path.name for path in (*folders, *files, self.looks, self.learned, self.plan, self.report)}
        return {MARKER, LOCK, RATES, *(aside_of(path).name for path in (self.model, self.judged)), *ours}

    def _marker(self) -> dict[str, Any] | None:
        """What `run.json` says, or None where there is none of ours."""
        path = self.path / MARKER
        try:
            marker = read_json(path, where=str(path)) if path.is_file() else None
        except PackageRefusal:
            return None
        if not isinstance(marker, dict) or marker.get("format") != RUN_FORMAT:
            return None
        version = marker.get("version")
        if type(version) is not int or version < 1:
            return None
        if version > RUN_VERSION:
            raise too_new(RUN_FORMAT, version, newest=RUN_VERSION, writer=marker.get("written_by"), where=path)
        return marker

    def _mark(self, *, finished: str | None) -> None:
        said = {"format": RUN_FORMAT, "version": RUN_VERSION, "written_by": __version__, "finished": finished}
        write_json(self.path / MARKER, said)

    def _clear(self) -> None:
        """Removes an earlier run's own files; what is foreign stays, inside `checkpoints` and `model` too."""
        for step in self.steps():
            path = self._path(step)
            if self._is_whole(step):
                remove_folder(path)
            else:
                set_aside(path)
        for path in (self.model, self.judged, *_inside(self.baselines)):
            if path.is_dir() and not path.is_symlink() and not strangers(path):
                remove_folder(path)
        for path in (*_inside(self.seeds), *_inside(self.folds)):
            RunFolder(path)._remove()
        for path in (self.baselines, self.seeds, self.folds):
            remove_empty(path)
        with refusing(self.path):
            for name in sorted(self._layout() - {LOCK, MARKER}):
                if (self.path / name).is_file():
                    os.unlink(self.path / name)
            sync_folder(self.path)

    def _remove(self) -> None:
        """Removes a run and its folder, but for what is foreign in it; what is no run stays."""
        if self.state() not in ("finished", "unfinished"):
            return
        self._clear()
        with contextlib.suppress(OSError):
            os.unlink(self.path / MARKER)
            (self.path / LOCK).unlink(missing_ok=True)
            self.path.rmdir()


def _inside(path: Path) -> list[Path]:
    """The folders in a folder; none where there is no such folder."""
    return sorted(entry for entry in path.iterdir() if entry.is_dir()) if path.is_dir() and not path.is_symlink() else []


def _check_free(run: RunFolder, state: State, *, force: bool, resume: bool) -> None:
    fix = f"choose a new name: --out {next_free(run.path)}"
    if state == "finished" and not force:
        what = f"{shown(run.path.name)} holds a finished run"
        raise unfit("RUN_FINISHED", run.path, what, "a run that ended is not written over", f"{fix}, or replace it: --force")
    if state == "unfinished" and not force and not resume:
        what = f"{shown(run.path.name)} holds an unfinished run"
        raise unfit(
            "RUN_UNFINISHED",
            run.path,
            what,
            "training into it would mix two runs",
            f"take it up: --resume; or {fix}; or replace it: --force",
        )
    foreign = run.foreign() if state in ("foreign", "unfinished", "finished") else []
    in_the_way = sorted(run._layout() & set(foreign)) if force else foreign
    if in_the_way and not (resume and state == "unfinished"):
        more = f" and {len(in_the_way) - 5} more" if len(in_the_way) > 5 else ""
        what = f"{shown(run.path.name)} holds files that are no run's: {', '.join(map(shown, in_the_way[:5]))}{more}"
        why = "a run of its own names would write over them" if force else "a run has a folder to itself"
        raise unfit("RUN_FOLDER_FOREIGN", run.path, what, why, fix if force else f"{fix}, or write beside them: --force")


def _none_verifies(path: Path, skipped: list[tuple[Path, str]]) -> PackageRefusal:
    reasons = [f"{folder.name} ({reason})" for folder, reason in skipped]
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return PackageRefusal(
        "CHECKPOINTS_ALL_DAMAGED",
        f"none of {len(reasons)} checkpoints verifies: {'; '.join(reasons[:3])}{more}",
        where=str(path),
        why="a damaged file is never loaded",
        fix=f"restore one from a copy, or start afresh: --out {next_free(path)}; nothing was removed",
        details={"skipped": {str(folder): reason for folder, reason in skipped}},
    )
