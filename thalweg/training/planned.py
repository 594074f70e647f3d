"""What a run decided by measuring, in `plan.json` from the moment at which it was decided.

Measurements differ from one time to the next, decisions may not: a run that goes on repeats those that stand there, at the
steps at which they were made, and so ends with the same bits.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from thalweg import __version__
from thalweg.core import files
from thalweg.core.errors import PackageRefusal
from thalweg.core.manifest import too_new
from thalweg.core.run_folder import RunFolder

PLAN_VERSION = 1


@dataclass(frozen=True)
class Length:
    """From this step of this stage on it takes so many steps in all."""

    stage: int
    step: int
    total: int


@dataclass
class Planned:
    """The decisions of a run.

    Attributes:
        writes: this process keeps the file (the first one).
        lengths: in the order of their making.
        found: what a search found, by what was looked for.
        seconds: from the first reading of data to the package; None while it is not over.
        resumed: what was decided holds, and on stages that have begun nothing is decided anew.
    """

    folder: RunFolder | None = None
    writes: bool = True
    lengths: list[Length] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    resumed: bool = False

    @staticmethod
    def of(folder: RunFolder, *, resume: bool, writes: bool) -> "Planned":
        """What stands in a run's folder where it is resumed, else nothing.

        Raises:
            PackageRefusal: the file is not what a run writes.
        """
        planned = Planned(folder, writes, resumed=resume)
        if not resume or not folder.plan.is_file():
            return planned
        written = files.read_object(folder.plan, where=folder.plan.name)
        try:
            version = written.get("version", PLAN_VERSION)  # the first ones said none
            if type(version) is int and version > PLAN_VERSION:
                writer = written.get("written_by")
                raise too_new("a plan", version, newest=PLAN_VERSION, writer=writer, where=folder.plan)
            planned.lengths = [Length(int(one["stage"]), int(one["step"]), int(one["total"])) for one in written["lengths"]]
            planned.found = dict(written["found"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, PackageRefusal):
                raise
            raise PackageRefusal(
                "PLAN_INVALID",
                f"what the run decided cannot be read: {error}",
                where=str(folder.plan),
                why="the run would go on by another plan and end with other bits",
                fix="restore the file, or start afresh under another --out",
            ) from None
        return planned

    def of_stage(self, stage: int) -> Sequence[Length]:
        """The decisions on a stage's length, in order."""
        return [one for one in self.lengths if one.stage == stage]

    def decide(self, stage: int, step: int, total: int) -> None:
        """Remember a stage's new length; `write` it before anything is done by it."""
        self.lengths.append(Length(stage, step, total))

    def write(self) -> None:
        """Keep the decisions, where there are any."""
        if self.folder is not None and self.writes and (self.lengths or self.found):
            told = {"version": PLAN_VERSION, "written_by": __version__}
            told |= {"lengths": [asdict(one) for one in self.lengths], "found": self.found, "seconds": self.seconds}
            files.write_json(self.folder.plan, told)
