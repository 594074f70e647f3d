"""Growing boosted trees on binned columns, level by level: each tree mends what those before it got wrong.

Reference: Friedman 2001, doi:10.1214/aos/1013203451 (boosting); Friedman 2002, doi:10.1016/S0167-9473(01)00065-2 (each tree
from a draw of the rows); Chen & Guestrin 2016, arXiv:1603.02754, eq. 5-7 (leaves and splits from slopes and curvatures).

Letters: N rows, n rows drawn, F columns, K answers of a tree, D depth, L nodes of a level, C classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

BINS = 64
"""Pieces of a number, and codes of a category, that rows are told apart by, at most."""
RATE, SHARE = 0.1, 0.7
"""How much of what its leaves say a tree adds, and the share of the rows that it is grown from."""
RIDGE = 3.0
"""Curvature added to each leaf; a row's own is 1 for numbers, 1/4 for classes at most."""
PATIENCE = 25
"""Trees without a lower loss on the rows left out after which a sequence ends."""
NEVER = 1e30
"""A limit that no standardised number exceeds, finite as weights must be."""
Bends = tuple[np.ndarray, np.ndarray]
"""Slope and curvature of the loss of each row in each score, both (n, K)."""


@dataclass(frozen=True)
class Cut:
    """Columns as trees see them.

    Attributes:
        codes: the bin of each row (N, F), from 0 to BINS - 1.
        limits: (F, BINS) more than this goes right of a split at a bin; of categories, what equals it.
        named: (F,) columns of categories.
        splits: (F, BINS) where a column can be split.
    """

    codes: np.ndarray
    limits: np.ndarray
    named: np.ndarray
    splits: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, named: np.ndarray) -> Self:
        """Bins of about equally many rows, or one for each value where there are few; codes beyond share the last."""
        codes, limits = np.zeros(rows.shape, dtype=np.int64), np.full((rows.shape[1], BINS), NEVER)
        for j, column in enumerate(rows.T):
            if named[j]:
                codes[:, j], limits[j] = np.minimum(column, BINS - 1), np.arange(BINS)
            else:
                middles = _middles(column)
                codes[:, j], limits[j, : len(middles)] = np.searchsorted(middles, column), middles
        last = codes.max(0) + named  # a category may be split from the others by the last of its codes too
        return cls(codes, limits, named, np.arange(BINS) < np.minimum(last, BINS - 1)[:, None])

    def right(self, columns: np.ndarray, bins: np.ndarray) -> np.ndarray:
        """Whether each row goes right (N,), by a column and a bin for each."""
        codes = self.codes[np.arange(len(self.codes)), columns]
        return np.where(self.named[columns], codes == bins, codes > bins)


def _middles(column: np.ndarray) -> np.ndarray:
    """What parts the bins of a column (N,): BINS - 1 numbers at most, ascending, as float32 below the bin that they begin."""
    found = np.unique(column)
    if len(found) > BINS:
        found = np.unique(np.quantile(column, np.linspace(0, 1, BINS), method="nearest"))
    middles = ((found[1:] + found[:-1]) / 2).astype(np.float32)
    return np.where(middles < found[1:], middles, found[:-1])


class Values:
    """Squared error of numbers (N, K), by the weight of each row (N,); `first` are the scores before the first tree (K,)."""

    def __init__(self, values: np.ndarray, weight: np.ndarray) -> None:
        self.values, self.weight = values, weight[:, None]
        self.first = (values * self.weight).sum(0) / self.weight.sum()

    def loss(self, scores: np.ndarray, rows: np.ndarray) -> float:
        """The mean loss of scores (n, K) of these rows (n,)."""
        return float((self.weight[rows] * (scores - self.values[rows]) ** 2).mean())

    def bends(self, scores: np.ndarray, rows: np.ndarray) -> Bends:
        """Half the loss's slope in each score, and half its curvature."""
        return self.weight[rows] * (scores - self.values[rows]), self.weight[rows].repeat(scores.shape[1], 1)


class Classes:
    """Cross-entropy of classes (N,) from 0 to C - 1, by the weight of each row (N,); of two classes the second has a score."""

    def __init__(self, classes: np.ndarray, count: int, weight: np.ndarray) -> None:
        self.true, self.weight = np.eye(count)[classes], weight[:, None]
        often = np.log(np.maximum((self.true * self.weight).sum(0) / self.weight.sum(), 1e-3))
        self.first = often[1:] - often[:1] if count == 2 else often

    def loss(self, scores: np.ndarray, rows: np.ndarray) -> float:
        """The mean loss of scores (n, K) of these rows (n,)."""
        said = (self._chances(scores) * self.true[rows]).sum(1, keepdims=True)
        return float(-(self.weight[rows] * np.log(np.maximum(said, 1e-12))).mean())

    def bends(self, scores: np.ndarray, rows: np.ndarray) -> Bends:
        """The loss's slope in each score, and its curvature."""
        chances, answers = self._chances(scores), scores.shape[1]
        slope, curvature = chances - self.true[rows], chances * (1 - chances)
        return (self.weight[rows] * slope)[:, -answers:], (self.weight[rows] * curvature)[:, -answers:]

    def _chances(self, scores: np.ndarray) -> np.ndarray:
        """(n, K) to probabilities (n, C)."""
        whole = np.pad(scores, ((0, 0), (self.true.shape[1] - scores.shape[1], 0)))
        odds = np.exp(whole - whole.max(1, keepdims=True))
        return np.asarray(odds / odds.sum(1, keepdims=True))


class Tree(NamedTuple):
    """One tree: the column and limit of its nodes, level after level (2^D - 1,), and what its leaves add (2^D, K)."""

    columns: np.ndarray
    limits: np.ndarray
    leaves: np.ndarray


def sequence(
    cut: Cut, aim: Values | Classes, left_out: np.ndarray, *, trees: int, depth: int, generator: np.random.Generator
) -> list[Tree]:
    """Trees that learn from the rows not left out (N,), as many as serve those that are."""
    judged, learned = np.flatnonzero(left_out), np.flatnonzero(~left_out)
    scores = np.repeat(aim.first[None], len(left_out), axis=0)
    found: list[Tree] = []
    best, length = aim.loss(scores[judged], judged), 0
    while len(found) < min(trees, length + PATIENCE):
        drawn = learned[generator.random(len(learned)) < SHARE]
        tree, leaf = _grown(cut, aim.bends(scores[drawn], drawn), drawn, depth)
        scores += tree.leaves[leaf]
        found.append(tree)
        loss = aim.loss(scores[judged], judged)
        if loss < best:
            best, length = loss, len(found)
    return found[:length]


def _grown(cut: Cut, bends: Bends, drawn: np.ndarray, depth: int) -> tuple[Tree, np.ndarray]:
    """A tree from slopes and curvatures (n, K) of the rows drawn, and the leaf of every row (N,)."""
    place, columns, limits = np.zeros(len(cut.codes), dtype=np.int64), [], []
    for level in range(depth):
        column, edge = np.divmod(_splits(cut, bends, drawn, place[drawn], 2**level), BINS)
        columns.append(column)
        limits.append(cut.limits[column, edge])
        place = 2 * place + cut.right(column[place], edge[place])
    slope, curvature = (np.stack(list(_summed(place[drawn], one, 2**depth)), 1) for one in bends)
    return Tree(np.concatenate(columns), np.concatenate(limits), -RATE * slope / (curvature + RIDGE)), place


def _splits(cut: Cut, bends: Bends, drawn: np.ndarray, place: np.ndarray, nodes: int) -> np.ndarray:
    """The best split of each node of a level (L,): its column times BINS, plus its bin.

    Args:
        place: (n,) the node of each row drawn.
    """
    count = cut.codes.shape[1]
    cells = (place[:, None] * count + np.arange(count)) * BINS + cut.codes[drawn]  # (n, F)
    gain = np.where(cut.splits, 0.0, -np.inf)
    shape = (nodes, count, BINS)
    for slope, curvature in zip(*(_summed(cells, one, nodes * count * BINS) for one in bends), strict=True):
        gain = gain + _gained(cut.named, slope.reshape(shape), curvature.reshape(shape))
    return np.asarray(gain.reshape(nodes, -1).argmax(1))


def _gained(named: np.ndarray, slope: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """What a split at each bin gains, but for what does not depend on it, from sums over bins (L, F, BINS)."""
    whole, bent = slope.sum(2, keepdims=True), curvature.sum(2, keepdims=True)
    one_alone = named[:, None]
    right = np.where(one_alone, slope, whole - slope.cumsum(2))
    right_bent = np.where(one_alone, curvature, bent - curvature.cumsum(2))
    return np.asarray(right**2 / (right_bent + RIDGE) + (whole - right) ** 2 / (bent - right_bent + RIDGE))


def _summed(cells: np.ndarray, values: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """For each column of values (n, K) their sums (count,) by cells (n,) or (n, F)."""
    times = cells.size // len(cells)
    for column in values.T:
        yield np.bincount(cells.ravel(), np.repeat(column, times), count)
