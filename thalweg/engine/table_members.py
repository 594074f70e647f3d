"""The net for tables by hand: forward, backward and Adam in kept memory, a lane of members on each thread.

Half of such a step is products; the rest goes into graph and optimizer, into memory that is taken anew, and into what can be
known before the first step: which value or which cell of a grid a number falls into.

Letters: M members, B rows of a batch, A sets of inputs (one for each member, or a single one for all), W their width.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard, TypeVar

import torch
from torch import Tensor, nn

from thalweg.core.position import Position, seed_from
from thalweg.core.registry import program
from thalweg.data.batches import FINISHED_AT_ONCE, Batches, StoredBatches
from thalweg.engine._decoder_pass import Room
from thalweg.engine._drawn import Drawn
from thalweg.engine._flat_adam import FlatAdam
from thalweg.engine._members_pass import MembersLayer, MembersPass, Views
from thalweg.engine._table_columns import KNOWN, Seen, columns_of
from thalweg.engine._usual import OR_ROUNDED, altered, usual
from thalweg.engine._verdicts import Verdict, judges, shares_of, verdict_of
from thalweg.engine.program import Program, Taken
from thalweg.layers.encoded import EncodedForMembers, Encoder
from thalweg.layers.members import MembersDropout, SeparateLinear
from thalweg.models.tabular import Tabular
from thalweg.rules._rule import Rule
from thalweg.rules.backpropagation import Backpropagation

T = TypeVar("T")
MOST_WEIGHTS = 4_000_000
"""Weights beyond which products take nearly all of a step."""
MOST_AHEAD = 2**28
"""Bytes of what all rows look up, where that is found once."""


@dataclass(frozen=True)
class Lane:
    """Some of the members.

    Attributes:
        number: of the lane.
        sets: their sets of inputs.
        room: for the slope by these.
        slopes: by what these members learn.
    """

    number: int
    count: int
    sets: slice
    work: MembersPass
    room: Room
    slopes: Sequence[Tensor]


@dataclass(frozen=True)
class Told:
    """A batch as members read it, and what they are told of their answers.

    Attributes:
        x: (A, B, W).
        dropped: for each hidden layer (B, O); empty without dropout.
        verdict: on the answers of each lane in turn, one member's after another's.
    """

    x: Tensor
    dropped: Sequence[Tensor]
    verdict: Verdict


@program("table-members", lanes=True, precisions=("bfloat16",))
class TableMembers(Program):
    """Members that share no matrix, cross-entropy or squared loss, Adam or AdamW, on one process of a CPU.

    Where the rule has lanes, each takes a part of the members.
    """

    def __init__(self, rule: Backpropagation, batches: StoredBatches, model: Tabular) -> None:
        optimizer, task, encoded = rule.descent.optimizer, rule.task, model.encoded
        assert FlatAdam.fits(optimizer)
        self.rule, self.batches, self.model, self.adam = rule, batches, model, FlatAdam(optimizer)
        self.dtype = torch.bfloat16 if rule.context.precision == "bfloat16" else self.adam.slope.dtype
        self.fields = [task.ports.output.name, *(one.name for one in task.encodings.of_role("weight"))][:2]
        self.sets = model.members if any(encoded.apart.values()) else 1
        widths = {name: one.width for name, one in encoded.encoders.items() if isinstance(one, Encoder)}
        self.widths = [width // (self.sets if encoded.apart[name] else 1) for name, width in widths.items()]
        views, count = self.adam.views(), 1 if rule.lanes is None else rule.lanes.count
        self.columns = {name: columns_of(one, views, batches.size) for name, one in encoded.encoders.items()}
        self.column_slopes = [views[id(one)][1] for one in encoded.parameters()]
        self.room, self.pieces = self._room(self.sets), self.adam.pieces(count)
        self.lanes = [self._lane(views, number, members) for number, members in enumerate(_cut(model.members, count))]
        units = [one.weight.shape[2] for one in model.hidden if isinstance(one, SeparateLinear)]
        away = self.adam.slope.new_empty(0, dtype=self.dtype)
        self.drawn = [Drawn(width, self._dropout, batches.size, away) for width in units if self._dropout]
        self.seen: list[Seen] = []
        self.seen_by: tuple[int, ...] | None = None

    @property
    def _dropout(self) -> float:
        return max((one.probability for one in self.model.hidden if isinstance(one, MembersDropout)), default=0.0)

    def _room(self, sets: int) -> Room:
        return Room(lambda rows: {"x": (sets, rows, sum(self.widths))}, self.batches.size, self.adam.slope)

    def _lane(self, views: Views, number: int, members: slice) -> Lane:
        linears = [one for one in (*self.model.hidden, self.model.head) if isinstance(one, SeparateLinear)]
        layers = [MembersLayer.of(one, views, members) for one in linears]
        work = MembersPass(layers[:-1], layers[-1], stays=1.0 - self._dropout, most=self.batches.size, dtype=self.dtype)
        sets = members if self.sets > 1 else slice(0, 1)
        slopes = [slope for one in layers for slope in one.slopes]
        return Lane(number, members.stop - members.start, sets, work, self._room(sets.stop - sets.start), slopes)

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "TableMembers | None":
        if not usual(rule, most_weights=MOST_WEIGHTS, precisions=OR_ROUNDED):
            return None
        if type(batches) is not StoredBatches or batches.length is None:
            return None
        model, lanes = rule.model, rule.lanes
        if not _known(model) or (lanes is not None and lanes.count > model.members):
            return None
        target = batches.at(Position(total=1))[rule.task.ports.output.name]
        return cls(rule, batches, model) if judges(rule.task, target, model.head.weight.shape[2]) else None

    @torch.no_grad()
    def take(self, at: Position, most: int) -> Taken:
        losses = list[float]()
        self._look()
        for _ in range(most if self.adam.lay() else 0):
            try:
                loss = self._step(at)
            except (MemoryError, RuntimeError):
                if not losses:
                    raise
                break
            if loss is None:
                break
            losses.append(loss)
            at = at.advanced(self.batches.length)
        return Taken(len(losses), losses)

    def _look(self) -> None:
        """Find once what all rows look up, if they were finished ahead; again where the net's buffers were changed."""
        versions = tuple(one._version for one in self.model.buffers())
        if versions == self.seen_by:
            return
        self.seen, self.seen_by = [], versions
        for one in self.columns.values():
            one.begin()
        if not self.batches.ready:
            return
        ready = [(one, self.batches.ready[name]) for name, one in self.columns.items()]
        if sum(len(given) * one.nbytes for columns, given in ready for one in columns.seen(given[:1])) > MOST_AHEAD:
            return
        for columns, given in ready:
            blocks = [columns.seen(block) for block in given.split(FINISHED_AT_ONCE)]
            self.seen.append(tuple(map(torch.cat, zip(*blocks, strict=True))))

    def _step(self, at: Position) -> float | None:
        """One update; gives its loss, or None where it would not be finite and nothing was changed."""
        told = self._told(at)
        squares = self._at_once([partial(self._slopes, lane, told) for lane in self.lanes])
        slope = self._by_inputs(told.x.shape[1])
        for columns, part in zip(self.columns.values(), slope.split(self.widths, 2), strict=True):
            columns.backward(part)
        loss = sum(told.verdict.losses())
        if not math.isfinite(loss + sum(squares) + _squares(self.column_slopes)):
            return None
        descent = self.rule.descent
        if descent.settings.clip is not None:
            self.adam.clip(descent.settings.clip)
        rate = descent.share(at) * descent.peaks[0]
        (moment,) = self.adam.moments(1)
        self._at_once([partial(self.adam.update, rate, moment, piece) for piece in self.pieces])
        self.adam.group["lr"] = rate
        for follower, leader in self.rule.led():
            follower.update(leader)
        return loss

    def _told(self, at: Position) -> Told:
        seen, (target, *weight) = self._read(at)
        rows = len(target)
        x = self.room.cut(rows)["x"]
        seed_from(at)
        drawn = list[Tensor]()

        def draw() -> None:
            drawn.extend(one.draw(rows) for one in self.drawn)

        def fill() -> None:
            for columns, given, part in zip(self.columns.values(), seen, x.split(self.widths, 2), strict=True):
                columns.forward(given, part)

        self._at_once([draw, fill])
        return Told(x, drawn, self._verdict(target, weight[0].reshape(-1) if weight else None))

    def _verdict(self, target: Tensor, weight: Tensor | None) -> Verdict:
        """On what all members answer, by the target (B, ...) and the weights (B,) of rows."""
        rows, members = len(target), self.model.members
        shares = shares_of(weight, [rows], self.adam.slope.dtype) / members
        sizes = [lane.count * rows for lane in self.lanes]
        several = target.repeat(members, *(1 for _ in target.shape[1:]))
        classes = self.model.head.weight.shape[2]
        return verdict_of(self.rule.task.loss, several, shares.repeat(members), sizes, classes=classes)

    def _read(self, at: Position) -> tuple[list[Seen], list[Tensor]]:
        """What the rows of a batch look up, their target and what they count."""
        if not self.seen:
            batch = self.batches.at(at)
            return [one.seen(batch[name]) for name, one in self.columns.items()], [batch[name] for name in self.fields]
        count, length = len(self.batches.rows), self.batches.length or 1
        rows = self.batches._shuffled(at)[0][count * at.index // length : count * (at.index + 1) // length]
        seen = [tuple(one.index_select(0, rows) for one in given) for given in self.seen]
        return seen, [self.batches.ready[name].index_select(0, rows) for name in self.fields]

    @torch.no_grad()
    def _slopes(self, lane: Lane, told: Told) -> float:
        """Write the slopes by some members and by their inputs; gives the squares of the former."""
        answers, wanted = lane.work.forward(told.x[lane.sets], told.dropped)
        told.verdict.slope(lane.number, answers, wanted)
        lane.work.backward(lane.room.cut(told.x.shape[1])["x"])
        return _squares(lane.slopes)

    def _by_inputs(self, rows: int) -> Tensor:
        """The slope by inputs (A, B, W), from those of all lanes."""
        first, *others = (lane.room.cut(rows)["x"] for lane in self.lanes)
        if self.sets > 1:
            return torch.cat([first, *others]) if others else first
        for other in others:
            first.add_(other)
        return first

    def _at_once(self, acts: Sequence[Callable[[], T]]) -> list[T]:
        """What comes of each act, in lanes as far as there are any."""
        if self.rule.lanes is None:
            return [act() for act in acts]
        return self.rule.lanes.map(torch.no_grad()(lambda act: act()), acts, seed=0)


def _cut(whole: int, count: int) -> list[slice]:
    """So many near-equal parts of a whole."""
    return [slice(whole * one // count, whole * (one + 1) // count) for one in range(count)]


def _squares(slopes: Iterable[Tensor]) -> float:
    """The sum of their squares: not finite where one of them is not."""
    return sum(float(torch.dot(one.flatten(), one.flatten())) for one in slopes)


def _known(model: nn.Module) -> TypeGuard[Tabular]:
    """A net for tables whose every part has a way back here; of any other nobody can tell what its `forward` does besides."""
    if type(model) is not Tabular or type(model.encoded) is not EncodedForMembers or type(model.head) is not SeparateLinear:
        return False
    layers = list(model.hidden)
    each = [[type(one) for one in layers[place : place + 3]] for place in range(0, len(layers), 3)]
    usual_layers = all(three == [SeparateLinear, nn.ReLU, MembersDropout] for three in each)
    encoders = all(type(one) in KNOWN for one in model.encoded.encoders.values())
    return usual_layers and encoders and not any(altered(one) for one in model.modules())
