"""N-grams: what follows the last few symbols, as often as in training; of rare contexts the shorter ones tell more.

Letters: n windows, L symbols of a window, V symbols that there are, M the order (symbols of the longest gram).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from thalweg.models.classical._evaluator import Evaluator, require


@dataclass(frozen=True)
class NGram(Evaluator):
    """Interpolated grams; contexts are numbers to base V, the oldest symbol first.

    Attributes:
        lowest: (V,) probabilities without any context.
        edges: (M,) where the contexts of one symbol, of two, ... begin and the last of them end.
        contexts: (c,) contexts, in order within each length.
        rest: (c,) the share that a context leaves to the one that is a symbol shorter.
        pointers: (c + 1,) where what follows each context begins.
        following: (g,) symbols.
        shares: (g,) what each gets of its context beyond the rest.
    """

    lowest: np.ndarray
    edges: np.ndarray
    contexts: np.ndarray
    rest: np.ndarray
    pointers: np.ndarray
    following: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, estimator: Any) -> Self:
        found: Self = estimator.grams
        return found

    def check(self) -> None:
        symbols, count = len(self.classes_), len(self.contexts)
        require(len(self.lowest) == symbols > 0, "a share for each symbol")
        require(self.edges.ndim == 1 and len(self.edges) > 0 and bool((np.diff(self.edges) >= 0).all()), "lengths in order")
        require(int(self.edges[0]) == 0 and int(self.edges[-1]) == count == len(self.rest), "as many contexts as edges say")
        require(len(self.pointers) == count + 1 and bool((np.diff(self.pointers) >= 0).all()), "what follows in order")
        require(
            int(self.pointers[0]) == 0 and int(self.pointers[-1]) == len(self.following) == len(self.shares), "all that follows"
        )
        require(
            not len(self.following) or 0 <= self.following.min() <= self.following.max() < symbols, "symbols that there are"
        )

    def predict_proba(self, rows: Any) -> np.ndarray:
        """(n, L, V) of windows (n, L): what follows each symbol, from those up to it."""
        codes = np.asarray(rows).astype(np.int64)
        strange = unseen = codes >= len(self.lowest)  # beyond the base: their contexts would have the numbers of others
        found = np.broadcast_to(self.lowest, (*codes.shape, len(self.lowest))).copy()
        context = np.zeros_like(codes)
        for length, (first, last) in enumerate(pairwise(self.edges.tolist()), 1):
            if length > codes.shape[1]:
                break
            context = context[:, -(codes.shape[1] - length + 1) :] + codes[:, : codes.shape[1] - length + 1] * len(
                self.lowest
            ) ** (length - 1)
            unseen = unseen[:, -context.shape[1] :] | strange[:, : context.shape[1]]
            self._mixed(found[:, length - 1 :], np.where(unseen, -1, context), first, last)
        return found

    def _mixed(self, found: np.ndarray, context: np.ndarray, first: int, last: int) -> None:
        """Mix what follows the contexts (n, T), where they are known, into probabilities (n, T, V), in place."""
        known = self.contexts[first:last]
        if not len(known):
            return
        place = np.searchsorted(known, context).clip(max=len(known) - 1)
        row, column = np.nonzero(known[place] == context)
        number = place[row, column] + first
        found[row, column] *= self.rest[number, None]
        count = self.pointers[number + 1] - self.pointers[number]
        begin = np.repeat(self.pointers[number] - (count.cumsum() - count), count)
        gram = begin + np.arange(count.sum())
        found[np.repeat(row, count), np.repeat(column, count), self.following[gram]] += self.shares[gram]
