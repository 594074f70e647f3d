"""Where a run goes: the folder that was named, the unfinished run that the same words began, or a new one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.core.errors import Refusal
from thalweg.core.processes import Processes
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.data._unpacked import stem_of
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Own
from thalweg.training.unfinished import refuse_other, unfinished_of

ANEW = ("RESUME_CHANGED", "CHECKPOINT_MISFIT", "RUN_LOCKED")
"""Refusals of a run that nobody named, after which a new one begins: data or net are others now, or somebody was faster."""


@dataclass(frozen=True)
class Place:
    """A run's folder and how it is taken.

    Attributes:
        resume: the run that stands there is gone on with.
        found: nobody named it.
    """

    folder: RunFolder
    resume: bool = False
    found: bool = False

    @contextmanager
    def left_if_other(self, talk: Talk) -> Iterator[None]:
        """A run that nobody named is left as it is, and that is told, where it cannot be gone on with after all."""
        try:
            yield
        except Refusal as refusal:
            if not self.found or refusal.code not in ANEW:
                raise
            talk.say("resume", f"{self.folder.path} is left as it is: {refusal.what}; a new run begins")


@dataclass(frozen=True)
class Wanted:
    """What is said of a run's folder.

    Attributes:
        data: whose name a new folder takes.
        resume: go on with an unfinished run (True), never (False), or where it was asked for in the same way (None).
        force: what stands there is replaced.
    """

    data: Any
    asked: RunSettings
    own: Own
    out: str | Path | None
    resume: bool | None
    force: bool

    def place(self, processes: Processes, talk: Talk, *, anew: bool = False) -> Place:
        """The folder, made by the first process and known to all.

        Args:
            anew: a new folder, whatever unfinished run there is.

        Raises:
            UsageRefusal: the folder that was named is not free, or holds a run that was asked for otherwise.
        """
        if processes.rank:
            path, resume, found = processes.share(None)
            return Place(RunFolder(Path(path)), resume, found)
        place = self._named(talk) if self.out is not None else self._unnamed(talk, anew=anew)
        processes.share([str(place.folder.path), place.resume, place.found])
        return place

    def _named(self, talk: Talk) -> Place:
        assert self.out is not None
        standing = RunFolder(Path(self.out))
        state = standing.state()
        if self.resume and state == "finished":
            return Place(standing, resume=True)
        resume = bool(self.resume) or (self.resume is None and not self.force and state == "unfinished")
        if resume and state == "unfinished":
            refuse_other(standing, self.asked, self.own)
            if self.resume is None:
                talk.say("resume", f"goes on with the unfinished run in {standing.path}; to begin anew: --force")
        return Place(RunFolder.create(standing.path, force=self.force, resume=resume, inputs=self._inputs()), resume)

    def _unnamed(self, talk: Talk, *, anew: bool) -> Place:
        given = self.data
        name = stem_of(Path(given)) if isinstance(given, str | Path) else getattr(given, "name", None) or "arrays"
        once = isinstance(given, Iterator)  # could not be read again, where it turns out to be another run's
        if not (anew or once or self.force or self.resume is False):
            found = unfinished_of(name, self.asked, self.own)
            if found is not None:
                talk.say("resume", f"goes on with {found.path}, which did not finish; to begin anew: --fresh")
                return Place(RunFolder.create(found.path, resume=True, inputs=self._inputs()), resume=True, found=True)
        return Place(RunFolder.fresh(name, inputs=self._inputs()), resume=bool(self.resume))

    def _inputs(self) -> Path | None:
        """The data's folder, in which no run may lie."""
        return Path(self.data) if isinstance(self.data, str | Path) and Path(self.data).is_dir() else None
