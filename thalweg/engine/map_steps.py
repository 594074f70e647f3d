"""Steps of a self-organising map in kept memory: nothing but kernels lies between two of them.

A step on a hundred rows is bound by what surrounds its products: gathering, drawing an order, thirty operations that each take
new memory. Here rows are finished ahead, and losses are looked at once a burst. An epoch of one batch is taken in the order in
which its rows lie, since a sum has none.

Letters: B batch, D values of an input, R rows and C columns of the grid, K units, R C of them.
"""

from collections.abc import Sequence
from math import isfinite

import torch
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import program
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine.program import Program, Taken
from thalweg.rules._rule import Rule
from thalweg.rules.competitive import Competitive

LONGEST = 256
"""Steps of a burst at most."""


@program("map-steps")
class MapSteps(Program):
    """The competitive rule on rows that were finished ahead, on one process of a CPU."""

    def __init__(self, rule: Competitive, batches: StoredBatches) -> None:
        codes, n = rule.map.codes, len(batches.rows)
        self.rule, self.batches, self.length = rule, batches, batches.length or 1
        x = rule._inputs(Batch(batches.ready, n, 0, n, batches.rows)).contiguous()
        self.squares, self.counted = x.square().sum(1), nn.functional.pad(x, (0, 1), value=1.0)  # (n,), (n, D + 1)
        rows, columns = rule.map.shape
        self.apart = torch.cat([one.reshape(-1) for one in rule.apart])
        self.near = torch.empty_like(self.apart)
        by_row, by_column = self.near.split([rows * rows, columns * columns])
        self.by_row = by_row.view(rows, rows)
        self.by_column = by_column.view(1, columns, columns).expand(rows, -1, -1)
        self.won = codes.new_zeros(len(codes), self.counted.shape[1])  # (K, D + 1)
        self.halfway, self.towards = torch.empty_like(self.won), torch.empty_like(self.won)
        self.winner = torch.empty(n, dtype=torch.int64)
        self.least = torch.empty(n, dtype=codes.dtype)

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "MapSteps | None":
        if type(rule) is not Competitive or type(batches) is not StoredBatches or not batches.ready:
            return None
        here = rule.map.codes.device.type == "cpu" and rule.context.processes.world == 1
        return cls(rule, batches) if here else None

    @torch.no_grad()
    def take(self, at: Position, most: int) -> Taken:
        """Up to the end of the epoch at most, where it has several batches."""
        codes = self.rule.map.codes
        count = min(most, LONGEST, self.length - at.index if self.length > 1 else most)
        kept = codes.clone()
        try:
            losses = [self._step(at.advanced(self.length, more)) for more in range(count)]
        except (MemoryError, RuntimeError):
            codes.copy_(kept)
            raise
        found: Sequence[float] = torch.stack(losses).tolist()
        if all(map(isfinite, found)) and bool(torch.isfinite(codes).all()):
            return Taken(count, found)
        codes.copy_(kept)
        return Taken(0)

    def _step(self, at: Position) -> Tensor:
        """One step; gives its loss."""
        codes, (counted, squares) = self.rule.map.codes, self._given(at)
        least, winner = self.least[: len(counted)], self.winner[: len(counted)]
        scores = torch.addmm(codes.square().sum(1), counted[:, :-1], codes.T, alpha=-2)  # all but the square of x
        torch.min(scores, 1, out=(least, winner))
        self.won.zero_().index_add_(0, winner, counted)
        radius, rate = self.rule.schedule(at)
        self._spread(radius)
        weight = self.towards[:, -1:]
        mean = self.towards[:, :-1] / weight.clamp(min=torch.finfo(weight.dtype).tiny)
        torch.lerp(mean, codes, torch.pow(1 - rate, weight), out=codes)
        return torch.add(least, squares).clamp_(min=0).sqrt_().mean()

    def _given(self, at: Position) -> tuple[Tensor, Tensor]:
        """The rows of a batch (B, D + 1), each with a one behind it, and their squares (B,)."""
        if self.length == 1:
            return self.counted, self.squares
        n = len(self.counted)
        rows = self.batches._shuffled(at)[0][n * at.index // self.length : n * (at.index + 1) // self.length]
        return self.counted.index_select(0, rows), self.squares.index_select(0, rows)

    def _spread(self, radius: float) -> None:
        """What fell to each unit, spread over its neighbours by column and by row, into `towards`."""
        rows, columns = self.rule.map.shape
        torch.mul(self.apart, -1 / (2 * radius**2), out=self.near).exp_()
        torch.mm(self.by_row, self.won.view(rows, -1), out=self.halfway.view(rows, -1))
        torch.bmm(self.by_column, self.halfway.view(rows, columns, -1), out=self.towards.view(rows, columns, -1))
