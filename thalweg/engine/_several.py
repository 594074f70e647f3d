"""Several runs of one net that differ in their seeds alone: a rule that takes a step of each, and their batches as one.

Letters: M runs, B rows of a batch of each.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from thalweg.core.position import Position, Rows, Scope, seed_from
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches, StoredBatches
from thalweg.fields.ragged import Ragged
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule

MOST_AHEAD = 2**28
"""Bytes of rows that are finished once for all steps, where nothing changes them."""


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
            seed_from(place)
            self.reports.append(rule.step(own, place))
        self.losses = torch.stack([report["loss"] for report in self.reports]).unsqueeze(0)
        return {"loss": self.losses.mean()}


class SeveralBatches(Batches):
    """The batches of several runs one after another, (M B, ...): each run's rows in its own order, changed by its own draws.

    Args:
        supplies: of each run, equally long; values of varying length do not fit one after another.

    Attributes:
        abreast: all gather from one memory, and augmentations change all rows at once; else each run's batch is made by itself.
    """

    def __init__(self, several: Several, supplies: Sequence[StoredBatches]) -> None:
        self.several, self.length, first = several, supplies[0].length, supplies[0]
        self.supplies = dict(zip((seed for _, seed in several.runs), supplies, strict=True))
        self.abreast = all(_same_rows(one, first) for one in supplies)
        self._order: tuple[object, Tensor] = (None, torch.empty(0))

    def at(self, position: Position) -> Batch:
        place = self.several.place(position)
        return self.made_abreast(place) if self.abreast else self.made_apart(place)

    def made_apart(self, place: Abreast) -> Batch:
        """The batches that each run makes, joined."""
        return joined([self.supplies[one.seed].at(one) for one in place.each()])

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
    size = batch.size // count
    cuts = [batch.cut(i * size, (i + 1) * size) for i in range(count)]
    return [dataclasses.replace(one, start=0, whole=size) for one in cuts]


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of those of all runs."""
    fields = {name: torch.cat([one[name] for one in batches]) for name in batches[0]}
    rows = [one.rows for one in batches if one.rows is not None]
    return Batch.of(fields, torch.cat(rows) if len(rows) == len(batches) else None)


def together(rules: Sequence[Rule], seeds: Sequence[int], batches: Sequence[Batches]) -> tuple[Several, SeveralBatches] | None:
    """The rule and the batches of several runs, where they can be one after another in a batch."""
    stored = [one for one in batches if isinstance(one, StoredBatches)]
    followed = [one for one in rules if isinstance(one, GradientRule)]
    if len(stored) < len(rules) or len(followed) < len(rules) or len(set(seeds)) < len(seeds):
        return None
    ragged = any(isinstance(field, Ragged) for one in stored for field in one.store.fields.values())
    if ragged or len({(one.length, len(one.rows)) for one in stored}) > 1:
        return None
    several = Several(list(zip(followed, seeds, strict=True)))
    return several, SeveralBatches(several, stored)
