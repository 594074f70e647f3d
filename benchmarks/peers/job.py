"""What a workload is, what a tool is asked to do, and the clock that all of them are measured by.

Nothing here imports more than numpy: what a tool needs is imported in its own process, inside the time that is measured.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

Raw = Mapping[str, np.ndarray]
"""A workload's data as read from its files, by name; saved once for all processes."""


@dataclass(frozen=True)
class Rows:
    """Rows as nets read them.

    Attributes:
        inputs: (N, ...) each: floats, or whole numbers that are looked up.
        target: (N,) classes, or (N, T) of steps.
    """

    inputs: tuple[np.ndarray, ...]
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.target)


class Workload(ABC):
    """Data, network, loss, optimizer and batch; the same for every tool.

    Attributes:
        title: as tables call it.
        unit: what an example is.
        batch: examples of a step.
        rate: of Adam, constant.
        epochs: of a whole training, whose time from start to end is measured.
        steady_epochs: of a training whose rate is measured.
        score: what `judge` gives; higher is better unless `lower`.
        hidden: widths, where the net is a plain perceptron that scikit-learn has too.
    """

    title: str
    unit = "images"
    batch: int
    rate = 0.001
    epochs = 3
    steady_epochs = 3
    score = "accuracy"
    lower = False
    hidden: tuple[int, ...] = ()
    grid: tuple[int, int] | None = None

    @abstractmethod
    def read(self, folder: Path | None) -> Raw:
        """The data from the folder that THALWEG_DATA names; what ships with scikit-learn where there is none.

        Raises:
            FileNotFoundError: it is not there, and nothing can stand in for it.
        """

    @abstractmethod
    def rows(self, raw: Raw, part: str) -> Rows:
        """The rows of `train` or `test`."""

    def net(self, raw: Raw) -> "nn.Module":
        """The network in torch, as one would write it: inputs in their order to the output (B, ..., C)."""
        raise NotImplementedError

    def loss(self, output: "Tensor", target: "Tensor") -> "Tensor":
        """The mean loss of a batch: cross-entropy over the last axis."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(output, target)

    def judge(self, output: np.ndarray, target: np.ndarray) -> float:
        """The score of answers to held-out rows: the share of classes found."""
        return float((output.argmax(-1) == target).mean())

    def keras_net(self, raw: Raw) -> Any:
        """The same network in Keras, from the same initial scheme; None where it was not written."""
        return None

    @abstractmethod
    def thalweg(self, raw: Raw) -> dict[str, Any]:
        """What `tw.train` is given: data with a column `split`, the model, and what differs from the others' settings."""


@dataclass
class Clock:
    """When epochs ended: seconds of a clock that only goes forward, and how many ended since the time before."""

    ends: list[tuple[float, int]] = field(default_factory=list)

    def epoch(self, count: int = 1) -> None:
        """An epoch has ended now, or so many."""
        self.ends.append((time.perf_counter(), count))

    def rates(self, rows: int) -> list[float]:
        """Examples per second of what came after the first end."""
        return [count * rows / (end - begun) for (begun, _), (end, count) in pairwise(self.ends)]


@dataclass(frozen=True)
class Job:
    """One training that is measured.

    Attributes:
        raw: the data as read.
        variant: which of the tool's settings.
        whole: the time of the whole process counts, not the rate of its epochs.
        scratch: a folder that may be written to.
    """

    workload: Workload
    raw: Raw
    variant: str
    epochs: int
    threads: int
    seed: int
    whole: bool
    scratch: Path

    @property
    def train(self) -> Rows:
        return self.workload.rows(self.raw, "train")

    @property
    def test(self) -> Rows:
        return self.workload.rows(self.raw, "test")


@dataclass(frozen=True)
class Variant:
    """Settings of a tool, by a name.

    Attributes:
        said: what it is, in tables.
        precision: float32, or what it computes in.
        usual: how most would use the tool; others count in the table of best settings alone.
        builds: it compiles or measures first and keeps what it finds, so that a second process is faster.
        shares: what it builds takes long and is built once, in the first round, by the first tool that shares this name.
        needs: the machine must have this; bfloat16 instructions, say.
    """

    name: str
    said: str
    precision: str = "float32"
    usual: bool = False
    builds: bool = False
    shares: str = ""
    needs: str = ""


class Tool(ABC):
    """Something that trains networks; each file of `trainers/` holds one.

    Attributes:
        title: as tables call it.
        needs: names of modules that must be there.
        apart: the rate of epochs and the time of a whole process are measured in trainings of their own.
        variants: its settings, the usual one first.
    """

    title: str
    needs: tuple[str, ...] = ("torch",)
    apart = False
    variants: tuple[Variant, ...]

    def variant(self, name: str) -> Variant:
        """One of its settings."""
        return next(one for one in self.variants if one.name == name)

    def environment(self, variant: str, cache: Path) -> dict[str, str]:
        """Environment variables that a variant is started with.

        Args:
            cache: where it may keep what it built.
        """
        return {}

    def refuses(self, workload: Workload) -> str:
        """Why it cannot take this workload; empty where it can."""
        return "trains networks by slopes" if workload.grid else ""

    @abstractmethod
    def train(self, job: Job, clock: Clock) -> float:
        """Train, tell the clock of each epoch's end, and give the score on held-out rows."""


HERE = Path(__file__).parent


def names(folder: str) -> list[str]:
    """The tools or workloads that there are a file for."""
    return sorted(path.stem for path in (HERE / folder).glob("*.py") if not path.stem.startswith("_"))


def tool(name: str) -> Tool:
    """A tool by its file's name."""
    made: Tool = import_module(f"benchmarks.peers.trainers.{name}").TOOL
    return made


def workload(name: str) -> Workload:
    """A workload by its file's name."""
    made: Workload = import_module(f"benchmarks.peers.workloads.{name}").WORKLOAD
    return made


def lacks(one: Tool) -> str:
    """Which of the modules that a tool needs cannot be imported; empty where all can."""
    gone = [name for name in one.needs if find_spec(name) is None]
    return f"not installed: {', '.join(gone)}" if gone else ""
