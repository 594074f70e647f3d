"""Several runs of one net: a rule that takes a step of each, and their batches as one.

Letters: M runs, B rows of a batch of each.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from thalweg.core.position import Position, Rows, Scope
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine.program import Program
from thalweg.fields.ragged import Ragged
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule, stepped

MOST_AHEAD = 2**28
"""Bytes of rows that are finished once for all steps, where nothing changes them."""
AGREE = 1e-4
"""How far losses and slopes of all at once may lie from those of each alone, as a share of their size."""


@dataclass(frozen=True)
class Abreast(Position):
    """Where several runs stand at once: noise for a batch (M B, ...) is each run's own, as it would be drawn alone.

    Attributes:
        seeds: of the runs, in the order of their rows.
    """

    seeds: tuple[int, ...] = ()

    @staticmethod
    def of(at: Position, seeds: Sequence[int]) -> "Abreast":
        """The same place in the runs of these seeds."""
        return Abreast(at.seed, at.stage, at.step, at.epoch, at.index, at.total, at.path, tuple(seeds))

    def each(self) -> list[Position]:
        """The position of each run."""
        return [Position(seed, self.stage, self.step, self.epoch, self.index, self.total, self.path) for seed in self.seeds]

    def number(self, name: str, by: Scope = "step") -> int:
        raise OneForAllError(name)

    def normal(self, name: str, batch: Rows, *shape: int) -> Tensor:
        return self._drawn(batch, lambda at, own: at.normal(name, own, *shape))

    def uniform(self, name: str, batch: Rows, *shape: int) -> Tensor:
        return self._drawn(batch, lambda at, own: at.uniform(name, own, *shape))

    def integers(self, name: str, batch: Rows, *shape: int, below: int) -> Tensor:
        return self._drawn(batch, lambda at, own: at.integers(name, own, *shape, below=below))

    def _drawn(self, batch: Rows, draw: Callable[[Position, Rows], Tensor]) -> Tensor:
        size = batch.size // len(self.seeds)
        own = Batch({"row": torch.empty(size, 0, device=batch.device)}, size, 0, size)
        return torch.cat([draw(at, own) for at in self.each()])


class OneForAllError(RuntimeError):
    """Something is drawn for a batch as a whole, and so not for each run by itself."""


@dataclass(frozen=True)
class Uneven(Batch):
    """Batches of several runs that are not equally long, one after another.

    Attributes:
        sizes: rows of each.
    """

    sizes: tuple[int, ...] = ()


class Several(Rule):
    """A rule that takes a step of each of its runs, one after another.

    Attributes:
        runs: the rules of the runs that are still learning, with their seeds.
        reports: what the last step of each returned; empty where a program took it.
        losses: (n, M) of the steps since the listeners heard last.
    """

    def __init__(self, runs: Sequence[tuple[GradientRule, int]]) -> None:
        first = runs[0][0]
        super().__init__(first.task, first.model, first.settings, first.context)
        self.runs, self.reports = list(runs), list[Mapping[str, Tensor]]()
        self.losses = torch.empty(0, len(runs))

    @property
    def rules(self) -> list[GradientRule]:
        """The rules of the runs that are still learning."""
        return [rule for rule, _ in self.runs]

    def place(self, at: Position) -> Abreast:
        """Where each of them stands."""
        return Abreast.of(at, [seed for _, seed in self.runs])

    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        """A step of each, on its rows of a batch (M B, ...)."""
        places, self.reports = self.place(at).each(), []
        for rule, own, place in zip(self.rules, apart(batch, len(self.runs)), places, strict=True):
            self.reports.append(stepped(rule, own, place))
        self.losses = torch.stack([report["loss"] for report in self.reports]).unsqueeze(0)
        return {"loss": self.losses.mean()}


class AtOnce(Program, ABC):
    """A program that takes the steps of several runs; what each rule holds is true after every call.

    Attributes:
        rule: of the runs that are still learning.
        batches: of all of them.
    """

    rule: Several
    batches: "SeveralBatches"

    @abstractmethod
    def forget(self) -> None:
        """The rules' states were changed by others: look at them again before the next step."""


class SeveralBatches(Batches):
    """The batches of several runs one after another, (M B, ...): each run's rows in its own order, changed by its own draws.

    Args:
        supplies: of each run, with as many batches; values of varying length do not fit one after another.

    Attributes:
        even: a batch of each run has as many rows.
        abreast: all gather from one memory, and augmentations change all rows at once; else each run's batch is made by itself.
    """

    def __init__(self, several: Several, supplies: Sequence[StoredBatches]) -> None:
        self.several, self.length, first = several, supplies[0].length, supplies[0]
        self.supplies = dict(zip((seed for _, seed in several.runs), supplies, strict=True))
        self.even = len({len(one.rows) for one in supplies}) == 1
        self.abreast = all(_same_rows(one, first) for one in supplies)
        self._order: tuple[object, Tensor] = (None, torch.empty(0))

    def at(self, position: Position) -> Batch:
        place = self.several.place(position)
        return self.made_abreast(place) if self.abreast else self.made_apart(place)

    def made_apart(self, place: Abreast) -> Batch:
        """The batches that each run makes, joined."""
        return joined([self.supplies[one.seed].at(one) for one in place.each()])

    def going(self) -> list[StoredBatches]:
        """The supplies of the runs that are still learning."""
        return [self.supplies[seed] for _, seed in self.several.runs]

    def finish_ahead(self, most: int) -> bool:
        """Have the rows of all finished once, the same rows for all that read these; says whether that can be.

        Args:
            most: bytes that they may take.
        """
        supplies = list(self.supplies.values())
        if self.abreast and supplies[0].finish_ahead(most):
            for one in supplies[1:]:
                one.ready = supplies[0].ready
        return all(one.finish_ahead(most // len(supplies)) for one in supplies)

    def made_abreast(self, place: Abreast) -> Batch:
        """The same from one gathering and one pass of each augmentation."""
        supply, length = next(iter(self.supplies.values())), self.length
        assert length is not None
        n, index = len(supply.rows), place.index
        places = self._ordered(place)[:, n * index // length : n * (index + 1) // length].flatten()
        rows = supply.rows[places]
        if supply.finish_ahead(MOST_AHEAD):
            return Batch.of({name: one.index_select(0, places.to(one.device)) for name, one in supply.ready.items()}, rows)
        whole = Batch.of(supply.store.loosened(supply.store.gather(rows)), rows)
        for augment in supply.augment:
            whole = augment(whole, place)
        return whole.having(supply.store.finished(whole))

    def _ordered(self, place: Abreast) -> Tensor:
        """The order (M, n) of each run's rows in an epoch: places among the rows of its part."""
        key = (place.stage, place.epoch, place.seeds)
        if self._order[0] != key:
            self._order = (key, torch.stack([self.supplies[one.seed]._shuffled(one)[0] for one in place.each()]))
        return self._order[1]


def _same_rows(one: StoredBatches, other: StoredBatches) -> bool:
    """Both gather the same rows of the same memory, though in orders of their own."""
    fields = one.store.fields, other.store.fields
    return fields[0].keys() == fields[1].keys() and all(
        torch.equal(one.rows, other.rows) and mine is fields[1][name] for name, mine in fields[0].items()
    )


def apart(batch: Batch, count: int) -> list[Batch]:
    """The batch of each run from that of all."""
    sizes = batch.sizes if isinstance(batch, Uneven) else [batch.size // count] * count
    cuts = [batch.cut(first, last) for first, last in pairwise(accumulate(sizes, initial=0))]
    return [dataclasses.replace(one, start=0, whole=one.size) for one in cuts]


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of those of all runs."""
    fields = {name: torch.cat([one[name] for one in batches]) for name in batches[0]}
    several, sizes = [one.rows for one in batches if one.rows is not None], tuple(one.size for one in batches)
    rows = torch.cat(several) if len(several) == len(batches) else None
    return Batch.of(fields, rows) if len(set(sizes)) == 1 else Uneven(fields, sum(sizes), 0, sum(sizes), rows, sizes)


def together(rules: Sequence[Rule], seeds: Sequence[int], batches: Sequence[Batches]) -> tuple[Several, SeveralBatches] | None:
    """The rule and the batches of several runs, where they can be one after another in a batch."""
    stored = [one for one in batches if isinstance(one, StoredBatches)]
    followed = [one for one in rules if isinstance(one, GradientRule)]
    if len(stored) < len(rules) or len(followed) < len(rules) or len(set(seeds)) < len(seeds):
        return None
    ragged = any(isinstance(field, Ragged) for one in stored for field in one.store.fields.values())
    if ragged or len({one.length for one in stored}) > 1:
        return None
    several = Several(list(zip(followed, seeds, strict=True)))
    return several, SeveralBatches(several, stored)


def near(one: Tensor, other: Tensor) -> bool:
    """Both are the same, up to rounding."""
    return bool((one - other).norm() <= AGREE * other.norm() + 1e-9)
