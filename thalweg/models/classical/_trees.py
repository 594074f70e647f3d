"""Trees as arrays: all nodes of all trees side by side, walked through by all rows at once.

Letters: t trees, m nodes, l leaves, n rows.
"""

from dataclasses import dataclass

import numpy as np

from thalweg.models.classical._evaluator import Evaluator, blocks, require

LEAF = -1
"""The column of a node that asks nothing."""


@dataclass(frozen=True)
class Trees(Evaluator):
    """The base of forests and of boosted trees.

    Attributes:
        roots: (t,) the first node of each tree.
        columns: (m,) the column that a node asks for; LEAF where it is one.
        thresholds: (m,) at most this much goes left.
        left: (m,) where to go, behind the node itself; of a leaf the place of its value.
        right: (m,) likewise.
        missing_left: (m,) 1 where rows without a value go left.
        values: (l, k) what leaves say.
    """

    roots: np.ndarray
    columns: np.ndarray
    thresholds: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    values: np.ndarray

    def check(self) -> None:
        nodes = len(self.columns)
        shapes = {one.shape for one in (self.thresholds, self.left, self.right, self.missing_left, self.columns)}
        require(shapes == {(nodes,)} and self.values.ndim == 2, "every node has a column, a threshold and ways on")
        require(bool(((self.roots >= 0) & (self.roots < nodes)).all()), "every tree has a first node")
        inner = self.columns >= 0
        ways = np.stack([self.left[inner], self.right[inner]])
        require(bool(((ways > np.flatnonzero(inner)) & (ways < nodes)).all()), "every way leads to a later node")
        leaves = self.left[~inner]
        require(bool(((leaves >= 0) & (leaves < len(self.values))).all()), "every leaf has a value")

    def reached(self, rows: np.ndarray, trees: slice) -> np.ndarray:
        """(n, trees) the place of the value that each row comes to in each of these trees."""
        place = np.broadcast_to(self.roots[trees], (len(rows), len(self.roots[trees]))).astype(np.int64)
        row = np.arange(len(rows))[:, None]
        while True:
            column = self.columns[place]
            going = column >= 0
            if not going.any():
                found: np.ndarray = self.left[place]
                return found
            left = self.goes_left(rows[row, np.maximum(column, 0)], place)
            place = np.where(going, np.where(left, self.left[place], self.right[place]), place)

    def goes_left(self, values: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Whether values (n, t) go left at nodes (n, t)."""
        return np.where(np.isnan(values), self.missing_left[place] > 0, values <= self.thresholds[place])

    def summed(self, rows: np.ndarray, *, every: int = 1) -> np.ndarray:
        """(n, every·k): the sum of what all trees say, tree i counting for output i modulo `every`."""
        total = np.zeros((len(rows), every, self.values.shape[1]))
        for block in blocks(len(rows), 64 * self.values.shape[1]):
            for first in range(0, len(self.roots), 64 * every):
                some = slice(first, first + 64 * every)
                said = self.values[self.reached(rows[block], some)]  # (n, trees, k)
                for one in range(every):
                    total[block, one] += said[:, one::every].sum(axis=1, dtype=np.float64)
        return total.reshape(len(rows), -1)


def joined(trees: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The fields of `Trees` of single ones, whose ways are counted from their own first node."""
    sizes, leaves = [len(one["columns"]) for one in trees], [len(one["values"]) for one in trees]
    roots, places = (np.concatenate([[0], np.cumsum(one)[:-1]]) for one in (sizes, leaves))
    whole = {name: np.concatenate([one[name] for one in trees]) for name in trees[0]}
    leaf = whole["columns"] == LEAF
    shift = np.where(leaf, np.repeat(places, sizes), np.repeat(roots, sizes))
    whole["left"] = (whole["left"] + shift).astype(np.int32)
    whole["right"] = np.where(leaf, 0, whole["right"] + shift).astype(np.int32)
    return whole | {"roots": roots.astype(np.int32)}
