"""Pairs of numbers that tell something together: found from the training rows, looked up in grids of learned vectors.

What a place is worth depends on longitude and latitude together; no sum of bends along either says it, and a dense net finds
it slowly. A pair is sought that explains, on rows that were not used to find it, what all numbers explain no more by
themselves. Its plane is cut by ranks into grids from coarse to fine, whose vectors are interpolated and summed.

Reference: Lou et al. 2013, doi:10.1145/2487575.2487579 (finding pairs); Müller et al. 2022, arXiv:2201.05989 (grids at several
resolutions). Cutting by ranks is our own: by length, California's error was 42,800 dollars, by ranks 41,900, without 44,500.

Letters: N rows, B batch, d numbers, P pairs, L levels, K knots, D width, C classes or values of the target.
"""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, one_hot

from thalweg.layers.start import Start

LEVELS = (8, 16, 32, 64)
"""Points along each side of a grid."""
ROWS_PER_POINT = 3
"""Training rows that a point of a grid stands for, on average, at least; finer grids stay empty."""
KNOTS = 256
FAR = 1e30
"""Stands where there are no further knots."""
LEAST = 0.01
"""Share of the target's variance that a pair explains on other rows, at least."""
BINS, SHRINK, ROUNDS = 16, 10.0, 5
"""Bins of each number while pairs are sought, rows' worth of nothing added to each cell, times through all numbers."""
MOST_ROWS, MOST_NUMBERS, MOST_CLASSES = 20_000, 32, 32
"""What is looked at at most; the numbers that explain most alone."""


class PairGrids(nn.Module):
    """A vector for each pair, added to that of its first number; nothing before pairs are found.

    Vectors start at zero, so that a net without pairs learns as if this were not there.

    Args:
        numbers: d.
        most: pairs at most (P).
        width: D.
    """

    place: Tensor
    knots: Tensor
    heights: Tensor
    live: Tensor
    sides: Tensor
    first: Tensor

    def __init__(self, numbers: int, most: int, width: int) -> None:
        super().__init__()
        self.numbers = numbers
        self.register_buffer("place", torch.zeros(most, 2, dtype=torch.long))
        self.register_buffer("knots", torch.full((2 * most, KNOTS), FAR))
        self.register_buffer("heights", torch.zeros(2 * most, KNOTS))
        self.register_buffer("live", torch.zeros(most, len(LEVELS)))
        sides = torch.tensor(LEVELS)
        self.register_buffer("sides", sides, persistent=False)
        self.register_buffer(
            "first", torch.cat([torch.zeros(1, dtype=torch.long), (sides**2).cumsum(0)[:-1]]), persistent=False
        )
        self.points = int((sides**2).sum())
        self.vectors = nn.Parameter(torch.zeros(most * self.points, width))

    def start(self, rows: Tensor, start: Start) -> None:
        """Find pairs among the numbers of all training rows (N, d)."""
        drawn = drawn_rows(rows, start)
        if drawn is None:
            return
        found = interacting(*drawn, most=len(self.place))
        for p, pair in enumerate(found):
            self.place[p] = torch.tensor(pair)
            self.live[p] = (self.sides**2 * ROWS_PER_POINT <= len(rows)).to(self.live)
            for side, j in enumerate(pair):
                self._knot(2 * p + side, rows[:, j])

    def _knot(self, k: int, column: Tensor) -> None:
        """Knots of ranks between 0 and 1; a heap of equal values has the middle of its ranks."""
        found, counts = column.unique(return_counts=True)
        ranks = counts.double().cumsum(0) - counts / 2
        ranks = (ranks - ranks[0]) / (ranks[-1] - ranks[0]).clamp(min=1.0)
        near = torch.searchsorted(ranks, torch.linspace(0.0, 1.0, KNOTS - 1, dtype=ranks.dtype)).clamp(max=len(found) - 1)
        near = near.unique()
        self.knots[k], self.heights[k] = FAR, float(ranks[near[-1]])
        self.knots[k, : len(near)] = found[near]
        self.heights[k, : len(near)] = ranks[near].to(self.heights)

    def forward(self, x: Tensor, vectors: Tensor) -> Tensor:
        """Standardised numbers (B, d) and their vectors (B, d, D) to the latter with those of pairs added."""
        codes, shares = self.corners(x.detach())
        found = embedding_bag(codes.flatten(0, 1), self.vectors, mode="sum", per_sample_weights=shares.flatten(0, 1))
        return vectors.index_add(1, self.place[:, 0], found.unflatten(0, codes.shape[:2]).transpose(0, 1))

    def corners(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of `vectors` around where numbers (B, d) lie (P, B, 4 L), and how much of each (P, B, 4 L)."""
        ranks = self._ranks(x[:, self.place.flatten()].T.contiguous())  # (2 P, B)
        return self._corners(*ranks.unflatten(0, (-1, 2)).unbind(1))

    def _ranks(self, x: Tensor) -> Tensor:
        """(2 P, B) numbers to their ranks in [0, 1], straight between knots."""
        knots, heights = self.knots.to(x.dtype), self.heights.to(x.dtype)
        right = torch.searchsorted(knots, x).clamp(1, KNOTS - 1)
        low, high = knots.gather(1, right - 1), knots.gather(1, right)
        share = ((x - low) / (high - low).clamp(min=torch.finfo(x.dtype).tiny)).clamp(0.0, 1.0)
        return torch.lerp(heights.gather(1, right - 1), heights.gather(1, right), share)

    def _corners(self, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of `vectors` at the corners around each point in each grid (P, B, 4 L), and how much of each (P, B, 4 L)."""
        last = (self.sides - 1).to(u.dtype)
        a, b = u.unsqueeze(2) * last, v.unsqueeze(2) * last  # (P, B, L)
        i, j = a.floor().minimum(last - 1), b.floor().minimum(last - 1)
        s, t = a - i, b - j
        grid = torch.arange(len(u), device=u.device)[:, None, None] * self.points + self.first
        corner = grid + i.long() * self.sides + j.long()
        codes = torch.cat([corner, corner + 1, corner + self.sides, corner + self.sides + 1], 2)
        shares = torch.cat([(1 - s) * (1 - t), (1 - s) * t, s * (1 - t), s * t], 2)
        return codes, shares * self.live.to(u.dtype).repeat(1, 4).unsqueeze(1)


def interacting(x: Tensor, y: Tensor, *, most: int, least: float = LEAST) -> list[tuple[int, int]]:
    """Pairs of numbers that explain what all numbers leave unexplained by themselves, the best one first.

    Two thirds of the rows are fitted, the others judge; each further pair is judged on what those before it leave.

    Args:
        x: (N, d) numbers, in an order that says nothing.
        y: (N, C) the target.
        least: share of the target's variance that a pair must explain.
    """
    search = Search(x, y)
    found: list[tuple[int, int]] = []
    while search.pairs and len(found) < most:
        search.rank(least)
        if not search.pairs:
            break
        found.append(search.pairs.pop(0))
        search.explain(found[-1])
    return found


def promising(x: Tensor, y: Tensor, *, most: int, least: float = LEAST) -> tuple[list[tuple[int, int]], float]:
    """Pairs as above, but each judged as if it were the only one: several that share a number may be among them.

    Returns:
        The pairs, and the share of the target's variance that all numbers leave unexplained by themselves.
    """
    search = Search(x, y)
    search.rank(least)
    return search.pairs[:most], float(search.left[~search.seen].square().sum() / search.whole)


class Search:
    """What pairs may explain, on rows that did not fit them.

    Attributes:
        pairs: those that are still to be looked at.
        left: (N, C) what is unexplained so far.
    """

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.seen = torch.arange(len(x), device=x.device) % 3 < 2
        self.codes = torch.stack([_binned(column) for column in x.unbind(1)], 1)
        self.whole = (y[~self.seen] - y[self.seen].mean(0)).square().sum()
        self.left, order = _alone(self.codes, y - y[self.seen].mean(0), self.seen)
        self.pairs = list(combinations(sorted(order[:MOST_NUMBERS]), 2))

    def rank(self, least: float) -> None:
        """Order the pairs by the share of the variance that each explains, and drop those that explain less than the least."""
        unseen = ~self.seen
        gains = {pair: float(_gain(self.left, self._means(pair), unseen) / self.whole) for pair in self.pairs}
        self.pairs = sorted((pair for pair in self.pairs if gains[pair] >= least), key=lambda pair: -gains[pair])

    def explain(self, pair: tuple[int, int]) -> None:
        """Take away what a pair explains."""
        self.left = self.left - self._means(pair)

    def _means(self, pair: tuple[int, int]) -> Tensor:
        i, j = pair
        return _means(self.codes[:, i] * BINS + self.codes[:, j], self.left, self.seen)


def _alone(codes: Tensor, y: Tensor, seen: Tensor) -> tuple[Tensor, Sequence[int]]:
    """What the numbers leave unexplained each by itself (N, C), and the numbers by how much they explain, most first."""
    left, parts = y, torch.zeros(codes.shape[1], *y.shape, dtype=y.dtype, device=y.device)
    for _ in range(ROUNDS):
        for j in range(codes.shape[1]):
            left = left + parts[j]
            parts[j] = _means(codes[:, j], left, seen)
            left = left - parts[j]
    return left, parts.square().sum((1, 2)).argsort(descending=True, stable=True).tolist()


def _means(codes: Tensor, y: Tensor, seen: Tensor) -> Tensor:
    """The mean of y over the seen rows of a row's cell (N, C), drawn towards zero where these are few."""
    cells = BINS**2
    sums = y.new_zeros(cells, y.shape[1]).index_add_(0, codes[seen], y[seen])
    return (sums / (torch.bincount(codes[seen], minlength=cells).to(y.dtype) + SHRINK)[:, None])[codes]


def _gain(left: Tensor, explained: Tensor, unseen: Tensor) -> Tensor:
    return left[unseen].square().sum() - (left - explained)[unseen].square().sum()


def _binned(column: Tensor) -> Tensor:
    """Codes (N,) of bins of equally many rows; equal values share one."""
    _, inverse, counts = column.unique(return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0) - counts / 2) / len(column)
    return (ranks * BINS).long().clamp(max=BINS - 1)[inverse]


def drawn_rows(rows: Tensor, start: Start) -> tuple[Tensor, Tensor] | None:
    """Training rows (N, d) with their target (N, C), some of them, in an order drawn at random; None where too few."""
    target = target_of(start)
    if target is None or len(rows) < BINS**2:
        return None
    chosen = torch.randperm(len(rows), generator=start.generator)[:MOST_ROWS]
    return rows[chosen].double(), target[chosen].double()


def target_of(start: Start) -> Tensor | None:
    """The target of all training rows (N, C); None where there is none, or one of very many classes."""
    port = start.target
    if port is None or port.masked or (port.size is not None and port.size > MOST_CLASSES):
        return None
    target = start.rows(port.name)
    if port.size is not None and not target.is_floating_point() and target.dim() == 1:
        return one_hot(target, port.size)
    return target.reshape(len(target), -1) if target.is_floating_point() else None
