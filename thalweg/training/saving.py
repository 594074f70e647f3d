"""Saving a run and going on from what was saved: when a checkpoint may be written, what it says, and whose it must be."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from thalweg.core import files
from thalweg.core.behind import Behind
from thalweg.core.errors import Refusal
from thalweg.core.processes import Processes
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.core.verified import Verified
from thalweg.training import checkpoints
from thalweg.training.learning_time import LearningTime
from thalweg.training.listeners import Checkpointer, Evaluation
from thalweg.training.loop import Listener, Progress
from thalweg.training.noted import environment_of
from thalweg.training.pacing import Pacing
from thalweg.training.restored import misfit, refuse_misfits
from thalweg.training.settings import RunSettings
from thalweg.training.speed import SPEED
from thalweg.training.stage import Own, Stage
from thalweg.training.unfinished import FREE, HELD, TOLD, changed, differences, other_data


@dataclass
class Saving:
    """The checkpoints of one run; the first of its processes writes them.

    The state is copied between two steps, and written, synced and verified beside the steps that follow. One is written at a
    time, and none counts before it is on the disk.
    """

    folder: RunFolder
    settings: RunSettings
    pacing: Pacing
    processes: Processes
    talk: Talk
    own: Own
    time: LearningTime

    def __post_init__(self) -> None:
        self.behind = Behind()
        self._data = dict[int, str]()
        self._verified = Verified()

    def refuse_little_room(self, stage: Stage) -> None:
        """Return where the disk has room for the run's checkpoints and package, as far as their size is known before a step.

        Raises:
            ResourceRefusal: it has not.
        """
        learned, shipped = _bytes_of(stage.rule.model), _bytes_of(stage.rule.shipped)
        checkpoint = learned + (shipped if self.settings.stopping.keep == "best" else 0)
        self.folder.refuse_little_room((self.settings.checkpoints_kept + 1) * checkpoint + shipped)

    def watcher(self, stage: Stage, watch: Mapping[str, Listener]) -> Checkpointer:
        """The listener that saves a stage now and then."""
        settings = self.settings
        save = partial(self._begin, stage, watch)
        return Checkpointer(save, self.behind, seconds=settings.checkpoint_seconds, steps=settings.checkpoint_steps)

    def save(self, stage: Stage, watch: Mapping[str, Listener], *, ended: bool = False) -> None:
        """Save a stage as it stands; it is on the disk when this returns.

        Raises:
            ResourceRefusal: the system refused, this one or the one before; earlier checkpoints stand.
        """
        self._begin(stage, watch, stage.progress, ended=ended)
        self.behind.wait()

    def _begin(self, stage: Stage, watch: Mapping[str, Listener], progress: Progress, *, ended: bool = False) -> None:
        """Copy the state, and begin to write it once the former checkpoint stands."""
        if self.processes.rank:
            return
        self.behind.wait()
        facts = {
            "settings": self._settings_digest(stage),
            "data": self._data_digest(stage),
            "lines": _size(self.folder.metrics),
            "trace": _size(self.folder.trace),
            "seconds": round(self.time.seconds, 3),
        }
        taken = checkpoints.take(progress, stage.rule, stage.batches, watch, facts=facts, ended=ended)
        self.behind.start(partial(self._write, taken))

    def record(self, path: Path, line: Mapping[str, Any]) -> None:
        """Add a line to a file of the run; the next checkpoint sees to it that it is on the disk.

        Raises:
            ResourceRefusal: the system refused, or the folder is no longer the run's.
        """
        if self.processes.rank == 0:
            self.folder.refuse_gone()
            files.append_line(path, line, durable=False)

    def _write(self, taken: checkpoints.Taken) -> None:
        self.folder.refuse_gone()
        try:
            files.synced_size(self.folder.metrics)
            files.synced_size(self.folder.trace)  # a checkpoint never counts on lines that a crash could take
            taken.write(self.folder)
            self.folder.rotate(self.settings.checkpoints_kept, verified=self._verified)
        except Refusal:
            self.folder.refuse_gone()  # it may have gone meanwhile
            raise

    def newest(self) -> checkpoints.Checkpoint | None:
        """The newest checkpoint that verifies; those that do not are named and left where they are."""
        newest = self.folder.newest_checkpoint()
        for bad, reason in newest.skipped:
            self.talk.warn(f"checkpoint {bad.name} is left out: {reason}")
        if newest.folder is None:
            self.talk.say("resume", "no checkpoint was saved yet, so it begins at its first step")
            return None
        begun = checkpoints.read(newest.folder)
        if begun.position.stage >= len(self.settings.stages):
            raise misfit(f"it is of stage {begun.position.stage}, which is not there", str(newest.folder.path))
        return begun

    def restore(self, begun: checkpoints.Checkpoint, stage: Stage, watch: Mapping[str, Listener]) -> None:
        """Put a checkpoint's state into a stage, and drop the lines of metrics that came after it.

        Raises:
            UsageRefusal: it is not of these settings and data.
            PackageRefusal: it, or the lines that came before it, cannot be of this run.
        """
        if begun.settings != self._settings_digest(stage):
            raise changed(self.folder, "settings", self._other_settings(stage), by=begun.written_by)
        if begun.data != self._data_digest(stage):
            raise changed(self.folder, "data", other_data(self.folder, stage.dataset.fingerprint()), by=begun.written_by)
        where = str(self.folder.checkpoints / str(begun.number))
        if begun.position.seed != self.settings.seed:
            raise misfit(f"it is of seed {begun.position.seed}", where)
        checkpoints.restore(begun, stage.rule, stage.batches, watch, where=where)
        evaluation = watch["evaluation"]
        if isinstance(evaluation, Evaluation) and evaluation.best_state:
            refuse_misfits({"best": evaluation.best_state}, {"best": stage.rule.shipped.state_dict()}, where=where)
        stage.progress.position, stage.progress.stopped = begun.position, begun.stopped
        stage.progress.history = list(begun.history)
        self.time.go_on(begun.seconds, ended=begun.ended)
        if self.processes.rank == 0:
            files.cut_to(self.folder.metrics, begun.lines)
            if begun.lines:  # the report is made of them: what is damaged is told now, not after the last step
                files.read_lines(self.folder.metrics, where=self.folder.metrics.name)
            files.cut_to(self.folder.trace, min(begun.trace, _size(self.folder.trace)))  # who deletes it trains on
            self.folder.rotate(self.settings.checkpoints_kept, verified=self._verified)  # what a kill may have come before

    def _other_settings(self, stage: Stage) -> list[str]:
        """What is another than when the run began, as far as its folder tells."""
        began = environment_of(self.folder).get("processes", 1)
        if began != self.processes.world:
            return [f"processes: {began} there, {self.processes.world} now"]
        return differences(self.folder, self.settings, self.own, but=TOLD)

    def _data_digest(self, stage: Stage) -> str:
        """Of the values that are learned and of how they were made: values that are scaled alike may come of other data."""
        number = stage.progress.position.stage
        if number not in self._data:
            self._data[number] = _digest([stage.dataset.fingerprint(), stage.dataset.encodings.as_json()])
        return self._data[number]

    def _settings_digest(self, stage: Stage) -> str:
        free = dict.fromkeys((*FREE, *HELD, *TOLD), True) | {"data": {"cache": True}}  # the same values lie there
        # by what is not at its default, so that a release with further settings still knows the run
        decisive = self.settings.model_dump(mode="json", exclude=free, exclude_defaults=True)
        plans = self.pacing.planned.found.get(SPEED, [])[: stage.progress.position.stage + 1]
        return _digest(decisive | {SPEED: plans, "processes": self.processes.world})


def _bytes_of(module: nn.Module) -> int:
    return sum(one.nbytes for one in module.state_dict().values() if isinstance(one, Tensor))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
