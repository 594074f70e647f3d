"""What the nearest training rows hold: their target on average, in the plane of two numbers, and what it would be for this row.

A net keeps what it learned in weights and smooths what changes from street to street; the rows nearby tell it. They differ
from a row in its other numbers too: what these are worth is fitted to differences between neighbours, so that a second mean
says what rows like this one would be worth there. A training row is told what those around it hold, never its own target, from
a table that is made before the first step.

Reference: Gorishniy et al. 2023, arXiv:2307.14338 (a net that looks up training rows, and its difference from them); Matheron
1969 (kriging with a drift). Planes and drift are found beforehand, so that nothing is searched while learning.

Letters: N training rows, R rows kept, B batch, d numbers, K pieces, n neighbours.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from thalweg.layers.pairs import drawn_rows, promising, target_of
from thalweg.layers.start import Start

COUNTS = (3, 12)
"""Nearest rows that are averaged, once few, once many."""
WIDTH = 2 * len(COUNTS)
"""Numbers told: the mean of the targets and the same with the drift, for each count."""
PIECES = 8
"""Pieces of each number in which the drift bends."""
AWAY, WIDEST = 1e15, 1e6
"""Where rows are that do not exist, and the farthest that a row counts as, both finite when squared."""
BLOCK = 128
"""Rows of which the nearest is looked for first."""
FINER = 0.75
"""Share that neighbours may leave unexplained of what all numbers leave by themselves, at most. For California's homes they
leave half of it, for rented bikes (in the plane of hour and warmth) all of it, and the net was 2 % worse with them."""
PLANES = 6
"""Pairs of numbers among which the plane is chosen, at most: those that explain most together."""
FEWEST = 1_000
"""Training rows below which no plane is sought."""
CHUNK, SAMPLE = 512, 3_000
"""Training rows whose neighbours are looked for at once; rows by which planes are compared, two thirds fit the drift."""
RIDGE = 1.0


class Neighbours(nn.Module):
    """Weighted means over the nearest training rows (B, WIDTH); zeros before it has started.

    Args:
        numbers: d.
        kept: training rows that are kept (R); where there are more, nothing is told.
    """

    axes: Tensor
    knots: Tensor
    slopes: Tensor
    place: Tensor
    held: Tensor
    keys: Tensor
    own: Tensor

    def __init__(self, numbers: int, kept: int) -> None:
        super().__init__()
        kept = max(COUNTS[-1], -(-kept // BLOCK)) * BLOCK
        self.register_buffer("axes", torch.zeros(2, dtype=torch.long))
        self.register_buffer("knots", torch.linspace(-3.0, 3.0, PIECES + 1).repeat(numbers, 1))  # (d, K + 1)
        self.register_buffer("slopes", torch.zeros(numbers, PIECES))  # target per piece of each number
        self.register_buffer("place", torch.full((kept, 2), AWAY))
        self.register_buffer("held", torch.zeros(kept, 2))  # target, and what the drift leaves of it
        self.register_buffer("keys", torch.full((kept,), torch.iinfo(torch.long).max))  # ascending
        self.register_buffer("own", torch.zeros(kept, WIDTH))

    def start(self, rows: Tensor, start: Start) -> None:
        """Keep all training rows (N, d) with their target, and choose the plane whose neighbours tell most."""
        every, drawn = target_of(start), drawn_rows(rows, start)
        if every is None or drawn is None or not FEWEST <= len(rows) <= len(self.place):
            return
        planes, alone = promising(*drawn, most=PLANES)
        if planes:
            every = every.to(self.held)
            target, enough = every[:, int(every.var(0).argmax())], FINER * alone
            self._keep(rows.to(self.held), target, planes, enough=enough, generator=start.generator)

    def _keep(
        self, rows: Tensor, target: Tensor, planes: Sequence[tuple[int, int]], *, enough: float, generator: torch.Generator
    ) -> None:
        """Fill the buffers with rows (N, d) and one axis of the target (N,), that which varies most.

        Args:
            enough: share of the target's variance that the best plane may leave unexplained; else nothing is kept.
        """
        keys, order = _keys(rows).sort(stable=True)
        rows, target, count = rows[order], target[order], len(rows)
        asked = torch.randperm(count, generator=generator)[:SAMPLE]
        quantiles = torch.linspace(0, 1, PIECES + 1, dtype=rows.dtype)
        self.knots.copy_(torch.quantile(rows[asked], quantiles, dim=0).T)
        self.held[:count, 0] = target
        tried = [self._fitted(rows, asked, plane) for plane in planes]
        error, slopes, self.axes[0], self.axes[1] = min(tried, key=lambda one: float(one[0]))
        if float(error) > enough * float(target.var()):
            self.held.zero_()
            self.place.fill_(AWAY)
            return
        self.slopes.copy_(slopes)
        self.held[:count, 1] = target - self._drift(rows)
        self.place[:count], self.keys[:count] = self._plane(rows), keys
        for first in range(0, count, CHUNK):
            chunk = torch.arange(first, min(first + CHUNK, count))
            self.own[chunk] = self._told(rows[chunk], without=chunk)

    def forward(self, x: Tensor) -> Tensor:
        """Standardised numbers (B, d) to (B, WIDTH); in training those of training rows, each left out of its own."""
        return self.of_training_rows(x.detach()) if self.training else self._told(x.detach())

    def of_training_rows(self, x: Tensor) -> Tensor:
        """What training rows (B, d) are told by the others (B, WIDTH); zeros for rows that are none."""
        keys = _keys(x)
        found = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return self.own[found].to(x.dtype) * (self.keys[found] == keys).unsqueeze(1)

    def _fitted(self, rows: Tensor, asked: Tensor, plane: tuple[int, int]) -> tuple[Tensor, Tensor, int, int]:
        """How far a plane's drifted means are from the targets of asked rows (n,), with the slopes (d, K), and the plane."""
        self.axes.copy_(torch.tensor(plane))
        self.place[: len(rows)] = self._plane(rows)
        target, differences, bends = self.held[:, 0], [], []
        for chunk in asked.split(CHUNK):
            apart, near = self._nearest(self._plane(rows[chunk]), chunk)
            weight = _weights(apart)
            differences.append(target[chunk] - (weight * target[near]).sum(1))
            around = (weight[:, :, None, None] * self._pieces(rows[near.flatten()]).unflatten(0, near.shape)).sum(1)
            bends.append((self._pieces(rows[chunk]) - around).flatten(1))
        y, bent = torch.cat(differences).double(), torch.cat(bends).double()  # (n,), (n, d K)
        fits = torch.arange(len(y)) % 3 < 2
        square = bent[fits].T @ bent[fits] + RIDGE * torch.eye(bent.shape[1], dtype=bent.dtype)
        slopes = torch.linalg.solve(square, bent[fits].T @ y[fits])
        error = (y - bent @ slopes)[~fits].square().mean()
        return error, slopes.to(rows).unflatten(0, self.slopes.shape), *plane

    def _pieces(self, x: Tensor) -> Tensor:
        """(B, d) to how full each piece of each number is (B, d, K)."""
        left, widths = self.knots[:, :-1].to(x), self.knots.diff(dim=1).to(x)
        return ((x.unsqueeze(2) - left) / widths.clamp(min=1e-4)).clamp(0.0, 1.0) * (widths > 0)

    def _drift(self, x: Tensor) -> Tensor:
        """(B,)."""
        return (self._pieces(x) * self.slopes.to(x)).sum((1, 2))

    def _plane(self, x: Tensor) -> Tensor:
        """(B, 2)."""
        return x[:, self.axes].clamp(-WIDEST, WIDEST)

    def _told(self, x: Tensor, without: Tensor | None = None) -> Tensor:
        """Means (B, WIDTH) over the rows nearest to numbers (B, d).

        Args:
            without: (B,) a kept row each that counts as absent.
        """
        apart, near = self._nearest(self._plane(x), without)
        held, drift = self.held.to(x)[near], self._drift(x)  # (B, n, 2), (B,)
        told = []
        for count in COUNTS:
            target, left = (_weights(apart[:, :count]).unsqueeze(2) * held[:, :count]).sum(1).unbind(1)
            told += [target, left + drift]
        return torch.stack(told, 1)

    def _nearest(self, place: Tensor, without: Tensor | None) -> tuple[Tensor, Tensor]:
        """Distances of the rows nearest to places (B, 2), ascending, and their numbers: both (B, n).

        The nearest n lie in the n blocks whose nearest rows are nearest, so that few distances need to be ranked.
        """
        kept = self.place.to(place)
        squares = (place[:, :1] - kept[:, 0]).square() + (place[:, 1:] - kept[:, 1]).square()  # (B, R)
        if without is not None:
            squares[torch.arange(len(place)), without] = AWAY**2
        blocks = squares.unflatten(1, (-1, BLOCK))
        chosen = blocks.amin(2).topk(COUNTS[-1], largest=False).indices  # (B, n)
        within = blocks.gather(1, chosen.unsqueeze(2).expand(-1, -1, BLOCK)).flatten(1)
        near, at = within.topk(COUNTS[-1], largest=False)
        return near.sqrt(), chosen.gather(1, at // BLOCK) * BLOCK + at % BLOCK


def _weights(apart: Tensor) -> Tensor:
    """Distances (B, n) to weights that sum to one: a row at no distance weighs twice one at the mean distance."""
    weight = 1.0 / (apart + apart.mean(1, keepdim=True)).clamp(min=1e-6)
    return weight / weight.sum(1, keepdim=True)


def _keys(x: Tensor) -> Tensor:
    """A whole number (B,) for each row (B, d), from the bits of its numbers: equal rows have equal ones, others hardly ever."""
    bits, factor = x.float().contiguous().view(torch.int32).long(), 0x9E3779B97F4A7C15 - 2**64
    key = torch.zeros_like(bits[:, 0])
    for column in bits.unbind(1):
        key = (key + column) * factor
    return key
