"""N-grams with Kneser-Ney's discounts: the classical model of texts, and the one to beat.

Reference: Kneser and Ney 1995, doi:10.1109/ICASSP.1995.479394; three discounts and interpolation by Chen and Goodman 1999,
doi:10.1006/csla.1999.0128, section 2.7 and eq. 26.

Letters: V symbols that there are, M the order.
"""

import math
from typing import NamedTuple, Self

import numpy as np

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.models.classical._evaluator import Evaluator
from thalweg.models.classical.n_gram import NGram

ORDERS = (6, 5, 7, 8)
BITS = 62
"""A gram is one number of so many bits; of many symbols only short ones are."""


@baseline(
    "n-gram",
    tasks=("language-modelling",),
    title="n-grams",
    cost=1.0,
    inputs=("symbols",),
    paper="Kneser & Ney 1995; Chen & Goodman 1999, doi:10.1006/csla.1999.0128",
)
class NGrams(Baseline):
    """Counts of symbols and those before them, within each window."""

    def classifiers(self, seed: int) -> Candidates:
        return [(f"order {order}", KneserNey(order)) for order in ORDERS]

    def evaluator(self) -> type[Evaluator]:
        return NGram


class _Grams(NamedTuple):
    """Distinct grams of one length as numbers to base V, in order, and a count of each."""

    numbers: np.ndarray
    counts: np.ndarray


class KneserNey:
    """The estimator, in scikit-learn's words: windows (n, L) of codes, and what follows each (n, L)."""

    def __init__(self, order: int) -> None:
        self.order = order

    def fit(self, rows: np.ndarray, target: np.ndarray) -> Self:
        """Count, and take off from the counts what unseen grams get."""
        whole = np.concatenate([rows.astype(np.int64), target[:, -1:].astype(np.int64)], axis=1)  # (n, L + 1)
        size = int(whole.max()) + 1
        order = max(1, min(self.order, whole.shape[1], int(BITS / math.log2(max(size, 2)))))
        counted = [_counted(whole, length, size) for length in range(1, order + 1)]
        for length in range(1, order):  # of shorter grams counts how many symbols stand before them
            counted[length - 1] = _preceded(counted[length], size**length)
        self.classes_ = np.arange(size)
        self.grams = _interpolated(counted, size)
        return self

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        """(n, L, V)."""
        return self.grams.predict_proba(rows)


def _counted(whole: np.ndarray, length: int, size: int) -> _Grams:
    """All grams of a length within the rows (n, W)."""
    last = whole.shape[1] - length + 1
    number = sum(whole[:, i : i + last] * size ** (length - 1 - i) for i in range(length))
    return _Grams(*np.unique(number, return_counts=True))


def _preceded(longer: _Grams, base: int) -> _Grams:
    """The ends of grams that are a symbol longer, each with how many different symbols stand before it."""
    return _Grams(*np.unique(longer.numbers % base, return_counts=True))


def _interpolated(counted: list[_Grams], size: int) -> NGram:
    """Shares and rests of grams of length 1, 2, ...; without any context the rest is shared equally."""
    shares, rest = _discounted(counted[0], np.zeros(1, dtype=np.int64))
    lowest = np.full(size, float(rest[0]) / size)
    lowest[counted[0].numbers] += shares
    edges, contexts, rests, pointers, following, all_shares = [0], [], [], [np.zeros(1, dtype=np.int64)], [], []
    for grams in counted[1:]:
        known, begins = np.unique(grams.numbers // size, return_index=True)
        shares, rest = _discounted(grams, begins)
        contexts.append(known)
        rests.append(rest)
        all_shares.append(shares)
        following.append(grams.numbers % size)
        pointers.append(pointers[-1][-1] + np.append(begins[1:], len(grams.numbers)))
        edges.append(edges[-1] + len(known))
    whole = [np.concatenate(pieces) if pieces else np.zeros(0) for pieces in (contexts, rests, pointers, following, all_shares)]
    contexts_, rest_, pointers_, following_, shares_ = whole
    return NGram(
        np.arange(size),
        lowest,
        np.array(edges),
        contexts_.astype(np.int64),
        rest_,
        pointers_,
        following_.astype(np.int64),
        shares_,
    )


def _discounted(grams: _Grams, begins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each gram its share of its context after the discount, and of each context what the discounts leave.

    Args:
        begins: (c,) where the grams of each context begin.
    """
    taken = _discounts(grams.counts)[np.minimum(grams.counts, 3)]
    total = np.add.reduceat(grams.counts, begins).astype(np.float64)
    each = np.repeat(total, np.diff(np.append(begins, len(grams.counts))))
    return (grams.counts - taken) / each, np.add.reduceat(taken, begins) / total


def _discounts(counts: np.ndarray) -> np.ndarray:
    """(4,) what is taken off counts of 0, 1, 2 and 3 or more, from how many there are of each (Chen and Goodman, eq. 26)."""
    one, two, three, four = (max(int((counts == times).sum()), 1) for times in (1, 2, 3, 4))
    y = one / (one + 2 * two)
    found = np.array([0.0, 1 - 2 * y * two / one, 2 - 3 * y * three / two, 3 - 4 * y * four / three])
    return found.clip([0.0, 0.1, 0.1, 0.1], [0.0, 0.9, 1.8, 2.7])
