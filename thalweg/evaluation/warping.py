"""The nearest series: the label of the training series at least distance, steps of one matched to steps of the other nearby.

Distances are Euclidean after the cheapest monotonous matching of steps within a window (dynamic time warping); a window of 0 is
the plain Euclidean distance. Channels are matched together. A lower bound spares most pairs; it changes no answer.

References: Sakoe and Chiba 1978, doi:10.1109/TASSP.1978.1163055; Keogh and Ratanamahatana 2005, doi:10.1007/s10115-004-0154-9
(the bound); Dau et al. 2018, arXiv:1810.07758 (the window that errs least when each training row is left out).

Letters: Q asked, N training rows, P pairs, C channels, T time.
"""

from typing import Self

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

SHARES = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2)
"""Windows as shares of the length, among which one is chosen."""
CHOOSING = 300
"""Training rows that choose the window, at most."""
PAIRS = 512
"""Pairs that are matched side by side."""


class NearestSeries:
    """One nearest neighbour of series (N, C, T), whose padding is NaN, in scikit-learn's words.

    Args:
        shares: windows to choose from, as shares of the length; of one there is nothing to choose.

    Attributes:
        window: steps; chosen by leaving out each of the first training rows.
    """

    def __init__(self, shares: tuple[float, ...] = SHARES) -> None:
        self.shares, self.window = shares, 0

    def fit(self, rows: np.ndarray, target: np.ndarray) -> Self:
        """Keep the rows, and choose the window."""
        self.classes_, self.codes = np.unique(target, return_inverse=True)
        self.rows = stretched(rows, rows.shape[2])
        windows = sorted({round(share * rows.shape[2]) for share in self.shares})
        few, codes = self.rows[:CHOOSING], self.codes[:CHOOSING]
        if len(windows) == 1 or len(few) < 2:
            self.window = windows[0]
            return self
        errors = [int((codes[nearest(few, few, window, apart=True)] != codes).sum()) for window in windows]
        self.window = windows[int(np.argmin(errors))]
        return self

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        """(Q, classes) 1 for the class of the nearest row."""
        asked = stretched(rows, self.rows.shape[2])
        found = self.codes[nearest(asked, self.rows, self.window)]
        return np.eye(len(self.classes_))[found]

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """(Q,) classes."""
        found: np.ndarray = self.classes_[self.predict_proba(rows).argmax(axis=1)]
        return found


def stretched(rows: np.ndarray, length: int) -> np.ndarray:
    """Series (N, C, T) without their padding of NaN, each brought to one length by straight lines between its steps."""
    answer = np.empty((*rows.shape[:2], length), dtype=np.float32)
    for place, row in enumerate(rows):
        steps = max(1, int((~np.isnan(row).all(axis=0)).sum()))
        if steps == length:
            answer[place] = row[:, :length]
            continue
        at = np.linspace(0, steps - 1, length)
        answer[place] = [np.interp(at, np.arange(steps), channel[:steps]) for channel in row]
    return answer


def nearest(asked: np.ndarray, rows: np.ndarray, window: int, *, apart: bool = False) -> np.ndarray:
    """(Q,) the number of the nearest row (N, C, T) of each series that is asked (Q, C, T).

    Args:
        apart: both are the same, and none counts as its own neighbour.
    """
    bounds = _bounds(asked, rows, window)
    if apart:
        np.fill_diagonal(bounds, np.inf)
    order = np.argsort(bounds, axis=1, kind="stable")
    bounds = np.take_along_axis(bounds, order, axis=1)
    if window == 0:  # the bound is the distance
        return order[:, 0]
    best, answer = np.full(len(asked), np.inf), order[:, 0].copy()
    active, begun, count = np.arange(len(asked)), 0, 4
    while len(active) and begun < len(rows):
        part = slice(begun, begun + count)
        which, place = np.nonzero(bounds[active, part] < best[active, None])
        one, other = active[which], order[active[which], begun + place]
        found = _matched(asked, rows, one, other, window)
        for query, row, distance in zip(one.tolist(), other.tolist(), found.tolist(), strict=True):
            if distance < best[query]:
                best[query], answer[query] = distance, row
        begun, count = begun + count, min(2 * count, 64)
        active = active[bounds[active, begun] < best[active]] if begun < len(rows) else active
    return answer


def _bounds(asked: np.ndarray, rows: np.ndarray, window: int) -> np.ndarray:
    """(Q, N) squared distances of what is asked to the envelopes of the rows: never above the warped ones."""
    upper = maximum_filter1d(rows, 2 * window + 1, axis=2, mode="nearest").reshape(len(rows), -1)
    lower = minimum_filter1d(rows, 2 * window + 1, axis=2, mode="nearest").reshape(len(rows), -1)
    answer = np.empty((len(asked), len(rows)), dtype=np.float32)
    for place, one in enumerate(asked.reshape(len(asked), -1)):
        outside = np.maximum(one - upper, lower - one)
        np.maximum(outside, 0, out=outside)
        answer[place] = np.einsum("ij,ij->i", outside, outside)
    return answer


def _matched(asked: np.ndarray, rows: np.ndarray, one: np.ndarray, other: np.ndarray, window: int) -> np.ndarray:
    """(P,) squared warped distances of pairs, given by their numbers."""
    parts = [slice(first, first + PAIRS) for first in range(0, len(one), PAIRS)]
    found = [warped(asked[one[part]], rows[other[part]], window) for part in parts]
    return np.concatenate(found) if found else np.zeros(0)


def warped(first: np.ndarray, second: np.ndarray, window: int) -> np.ndarray:
    """(P,) squared distances of pairs (P, C, T) after the cheapest matching of steps at most `window` apart.

    Cell (i, j) of the table costs what steps i and j differ by, plus the cheapest of the cells before it; the cells of one
    diagonal i + j do not depend on each other.
    """
    pairs, _, length = first.shape
    x = np.ascontiguousarray(first.transpose(2, 1, 0))  # (T, C, P)
    y = np.ascontiguousarray(second.transpose(2, 1, 0)[::-1])  # backwards, so that a diagonal is a slice of both
    before, last, now = (np.full((length + 2, pairs), np.inf, dtype=np.float32) for _ in range(3))  # place i + 1
    for diagonal in range(2 * length - 1):
        low = max(0, diagonal - length + 1, (diagonal - window + 1) // 2)
        high = min(length - 1, diagonal, (diagonal + window) // 2)
        begun = length - 1 - diagonal + low
        difference = x[low : high + 1] - y[begun : begun + high + 1 - low]
        cost = np.einsum("tcp,tcp->tp", difference, difference)
        if diagonal:
            cheapest = np.minimum(last[low : high + 1], last[low + 1 : high + 2])
            cost += np.minimum(cheapest, before[low : high + 1], out=cheapest)
        now[low + 1 : high + 2] = cost
        now[low], now[high + 2 : high + 3] = np.inf, np.inf
        before, last, now = last, now, before
    return last[length]
