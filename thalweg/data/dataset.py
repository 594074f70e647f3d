"""Datasets: what a source gives. Stored examples, a domain to sample, or an environment to act in; all supply batches.

Parts are `train`, `validation` (when to stop, which settings), `calibration` (temperature, conformal sets) and `test`, which
is read once.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment, Batches, Store, StoredBatches
from thalweg.fields.encoding import Column, Encodings, Role
from thalweg.fields.ragged import Ragged

PARTS = ("train", "validation", "calibration", "test")


@dataclass
class Examples:
    """Raw examples as a source read them: columns of equal length, not yet encoded.

    Attributes:
        name: what people call it; names the run.
        columns: field name to its raw values, a row each.
        kinds: kinds that the source knows for certain (a column left out is inferred).
        roles: roles that the source knows for certain.
        given: split that came with the data: part to row numbers; parts left out are cut from `train`.
        spread: arrays whose columns became fields of their own: name of the array to those of the fields.
        together: (N,) a number for each row; rows with the same one are copies and stay in one part where parts are cut.
        notes: sentences on what was read and inferred, for the first lines of a run.
        facts: what else is known, such as `classes` (names of codes), `licence`, `augment`, `digest`.
    """

    name: str
    columns: dict[str, Column]
    kinds: dict[str, str] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    given: dict[str, Tensor] = field(default_factory=dict)
    spread: dict[str, tuple[str, ...]] = field(default_factory=dict)
    together: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def meant(self, name: str) -> tuple[str, ...]:
        """The fields that a name stands for: itself, or those that an array of this name became."""
        return (name,) if name in self.columns else self.spread.get(name, (name,))

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0


@dataclass(frozen=True)
class Wanted:
    """How batches of a part are wanted.

    Attributes:
        size: rows of a global batch, at most.
        augment: applied to the whole global batch in turn.
        training: shuffled or drawn anew, else once through in order.
    """

    size: int
    augment: tuple[Augment, ...] = ()
    processes: Processes = field(default_factory=Processes)
    training: bool = False


class Dataset(ABC):
    """What training, evaluation and baselines read."""

    name: str
    encodings: Encodings
    notes: Sequence[str] = ()
    facts: Mapping[str, Any] = {}
    device = torch.device("cpu")
    dtype = torch.float32

    def batches(
        self,
        part: str,
        *,
        size: int,
        augment: Sequence[Augment] = (),
        processes: Processes | None = None,
        training: bool = False,
    ) -> Batches:
        """Batches of a part: shuffled and augmented when training, else once through in order.

        Args:
            part: train, validation, calibration or test.
            size: rows of a global batch, at most.
        """
        return self.supply(part, Wanted(size, tuple(augment), processes or Processes(), training))

    @abstractmethod
    def supply(self, part: str, wanted: Wanted) -> Batches:
        """The batches of `batches`, each class in its own way."""

    @abstractmethod
    def rows(self, part: str) -> int | None:
        """How many examples a part has; None where they are drawn without end."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """What identifies these data: names, rows by part, digest; JSON values."""

    def read_by(self, encodings: Encodings) -> "Dataset":
        """The same as a model with these encodings reads it; what is drawn or played in stays as it is."""
        return self

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Dataset":
        """The same dataset, giving its values on a device and its floats in a type."""
        moved = copy.copy(self)
        moved.device, moved.dtype = torch.device(device), dtype
        return moved

    def store_of(self, fields: Mapping[str, Tensor | Ragged]) -> Store:
        """A store of encoded values that gives them on this dataset's device, in its type."""
        return Store(fields, self.encodings).to(self.device, self.dtype)


class StoredDataset(Dataset):
    """Encoded examples in memory, with the rows of each part."""

    def __init__(self, examples: Examples, store: Store, parts: Mapping[str, Tensor], digest: str) -> None:
        self.name, self.notes, self.facts = examples.name, examples.notes, examples.facts
        self.examples, self.store, self.parts, self.digest = examples, store, dict(parts), digest
        self.encodings = store.encodings

    def supply(self, part: str, wanted: Wanted) -> Batches:
        rows = self.parts[part]
        return StoredBatches(
            self.store,
            rows,
            size=wanted.size,
            shuffled=wanted.training,
            augment=wanted.augment,
            processes=wanted.processes,
        )

    def rows(self, part: str) -> int | None:
        return len(self.parts[part])

    def fingerprint(self) -> dict[str, Any]:
        parts = {part: len(rows) for part, rows in self.parts.items()}
        needed = {fact: self.facts[fact] for fact in ("ids", "reading") if fact in self.facts}
        return {"name": self.name, "digest": self.digest, "parts": parts, **needed}

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "StoredDataset":
        return StoredDataset(self.examples, self.store.to(device, dtype), self.parts, self.digest)


class Domain(Dataset):
    """Examples drawn without end from a generator: collocation points, toy distributions, episodes of tasks.

    Training draws anew at every position. The held-out parts are drawn once, each from a seed of its own, so that what selects
    is never what judges.
    """

    held_out: Mapping[str, int] = {"validation": 256, "calibration": 256, "test": 1024}
    sample = 1024
    """Examples that stand for all of training where once through it is asked for."""

    @abstractmethod
    def draw(self, generator: torch.Generator, count: int) -> Mapping[str, Tensor | Ragged]:
        """`count` encoded examples by field name."""

    def supply(self, part: str, wanted: Wanted) -> Batches:
        if wanted.training:
            return DrawnBatches(self, wanted)
        return self.drawn_once(part, self.held_out.get(part, wanted.size), wanted)

    def drawn_once(self, part: str, count: int, wanted: Wanted) -> StoredBatches:
        """Batches of `count` examples drawn from the part's own seed."""
        drawn = self.draw(Position().inside(self.name).generator(part, by="run"), count)
        return StoredBatches(self.store_of(drawn), torch.arange(count), size=wanted.size, processes=wanted.processes)

    def rows(self, part: str) -> int | None:
        return None if part == "train" else self.held_out[part]

    def fingerprint(self) -> dict[str, Any]:
        return {"name": self.name, "parts": {"train": None, **self.held_out}, "facts": dict(self.facts)}


class DrawnBatches(Batches):
    """Fresh draws from a domain at every position; the global batch is drawn by all processes and cut."""

    def __init__(self, domain: Domain, wanted: Wanted) -> None:
        self.domain, self.wanted, self.augment = domain, wanted, tuple(wanted.augment)

    def at(self, position: Position) -> Batch:
        size = self.wanted.size
        store = self.domain.store_of(self.domain.draw(position.generator("domain"), size))
        whole = Batch(store.loosened(store.gather(torch.arange(size))), size, 0, size)
        for augment in self.augment:
            whole = augment(whole, position)
        return whole.having(store.finished(whole)).cut(*self.wanted.processes.cut(size))

    def __iter__(self) -> Iterator[Batch]:
        """A fixed sample, which stands for the whole where there is no end (start of a rule, trivial baselines)."""
        return iter(self.domain.drawn_once("train", self.domain.sample, self.wanted))


class Environment(Dataset):
    """A world to act in, as batched tensor code: many episodes at once, all randomness from a generator given.

    A start state is an example: evaluation plays one episode from each of the held-out start states.
    """

    limit: int
    """Steps after which an episode is cut off."""
    most: float | None = None
    """The highest return that an episode can have, where that is known."""
    held_out: Mapping[str, int] = {"validation": 16, "calibration": 16, "test": 64}

    @abstractmethod
    def reset(self, generator: torch.Generator, count: int) -> Tensor:
        """Start states (count, S)."""

    @abstractmethod
    def move(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Next states (n, S), rewards (n,) and whether the episode ended there (n,) bool."""

    @abstractmethod
    def observe(self, state: Tensor) -> Tensor:
        """What an agent sees of states (n, S): (n, ...)."""

    def supply(self, part: str, wanted: Wanted) -> Batches:
        """Start states, to be played from; how experience is gathered for training is the rule's own.

        Raises:
            UsageRefusal: batches to learn from are asked for, by a rule that does not act.
        """
        if wanted.training:
            raise UsageRefusal(
                "RULE_CANNOT_ACT",
                f"{self.name} has no examples to learn from, only a world to act in",
                where="--rule",
                why="experience is gathered by acting, and this rule does not act",
                fix="leave the rule out, or name one that acts: thalweg list rules",
            )
        count = self.held_out.get(part, wanted.size)
        state = self.reset(Position().inside(self.name).generator(part, by="run"), count)
        return StoredBatches(self.store_of({"state": state}), torch.arange(count), size=wanted.size, processes=wanted.processes)

    def rows(self, part: str) -> int | None:
        return None if part == "train" else self.held_out[part]

    def fingerprint(self) -> dict[str, Any]:
        return {"name": self.name, "parts": {"train": None, **self.held_out}}
