"""Rows that are other rows, rounded: the same values with fewer digits."""

from collections.abc import Callable
from functools import partial

import numpy as np

from thalweg.checks.bits import ENOUGH, Cells
from thalweg.checks.copies import Copy, copy_findings
from thalweg.checks.finding import Finding
from thalweg.checks.hashing import groups_of, hash_of_numbers, salted
from thalweg.checks.looked import Looked
from thalweg.checks.near.evidence import measured_pairs
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

ROUNDED = Copy("ROUNDED_ROWS", "a rounded copy", "rounded copies", least=0.005)
DECIMALS, DIGITS = (3, 2, 1, 0, -1, -2), (4, 3, 2)
FEW: tuple[tuple[int, ...], tuple[int, ...]] = ((1,), (3,))
FEW_ABOVE = 50_000
"""Ahead of a training, the decimals and digits that are tried of more rows than that."""
FIXED, LARGEST = 0.2, 6
"""A rounding that leaves more than this share of the rows as they are says nothing, nor does a group larger than that."""

Rounding = Callable[[np.ndarray], np.ndarray]


@detector("rounded-rows", turn=4)
def rounded_rows(subject: Subject) -> list[Finding]:
    """Pairs of which one is the other at fewer digits, and to which no third row is nearly as close."""
    cells = Cells.of(subject)
    if cells is None or len(subject) < 20:
        return []
    numbers = [i for i in cells.inputs if cells.seen[i].numeric and cells.seen[i].distinct > 2]
    if not numbers:
        return []
    values = np.stack([cells.seen[i].numbers for i in numbers], axis=1)
    values = np.where(np.isfinite(values), values, np.nan)
    few = subject.quick and len(subject) > FEW_ABOVE
    if few:
        subject.looked.append(Looked("rounded copies", sum(map(len, FEW)), len(DECIMALS) + len(DIGITS), "roundings"))
    pairs = [_at_level(one, values, numbers, cells) for one in _roundings(*(FEW if few else (DECIMALS, DIGITS)))]
    if not few:  # the search alone would cost seconds, and a sample of one row in a hundred finds nothing
        pairs.append(measured_pairs(subject, cells, values, numbers))
    return copy_findings(subject, _distinct(np.concatenate(pairs)), ROUNDED)


def _roundings(places: tuple[int, ...], lengths: tuple[int, ...]) -> list[Rounding]:
    return [
        *(partial(_to_decimals, decimals=decimals) for decimals in places),
        *(partial(_to_digits, digits=digits) for digits in lengths),
    ]


def _to_decimals(values: np.ndarray, decimals: int) -> np.ndarray:
    return np.round(values, decimals)


def _to_digits(values: np.ndarray, digits: int) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values))))
    unit = 10.0 ** (size - digits + 1)
    rounded: np.ndarray = np.round(values / unit) * unit
    return rounded


def _fixed(rounding: Rounding, values: np.ndarray) -> np.ndarray:
    """(N,) bool: rows (N, M) that rounding leaves as they are; columns are read as long as such rows are left."""
    rows = np.arange(len(values))
    for column in values.T:
        rows = rows[np.isclose(rounding(column[rows]), column[rows], rtol=1e-9, atol=0, equal_nan=True)]
    return np.isin(np.arange(len(values)), rows)


def _at_level(rounding: Rounding, values: np.ndarray, numbers: list[int], cells: Cells) -> np.ndarray:
    """(P, 2) rows that are equal once rounded, one of which was so before."""
    fixed = _fixed(rounding, values)
    if fixed.mean() > FIXED or not fixed.any():
        return np.zeros((0, 2), dtype=np.int64)
    hashes = cells.hashes.copy()
    for place, column in enumerate(numbers):
        found, index = np.unique(rounding(values[:, place]), return_inverse=True)
        tidy = np.asarray([float(f"{value:.10g}") for value in found.tolist()])
        hashes[column] = salted(hash_of_numbers(tidy), cells.seen[column].name)[index.reshape(-1)]
    whole = hashes.sum(axis=0, dtype=np.uint64)
    first, counts = groups_of(whole)
    rows = np.flatnonzero((counts > 1) & (counts <= LARGEST))
    if not len(rows):
        return np.zeros((0, 2), dtype=np.int64)
    alone = _agreeing(whole, hashes, cells.bits) <= counts
    pairs: list[tuple[int, int]] = []
    for group in _members(first, rows):
        if fixed[group].any() and alone[group].all():
            pairs += [(one, two) for one in group[fixed[group]].tolist() for two in group[~fixed[group]].tolist()]
    return np.asarray(pairs, dtype=np.int64).reshape(-1, 2)


def _members(first: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    order = rows[np.argsort(first[rows], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(first[order])) + 1)


def _agreeing(whole: np.ndarray, hashes: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """(N,) how many rows agree with each in all but columns that say little, at most."""
    order = np.argsort(bits)
    sets = [order[np.cumsum(bits[order]) < ENOUGH], *(np.asarray([one]) for one in np.flatnonzero(bits < ENOUGH))]
    counts = [groups_of(whole - hashes[columns].sum(axis=0, dtype=np.uint64))[1] for columns in sets]
    most: np.ndarray = np.max(counts, axis=0)
    return most


def _distinct(pairs: np.ndarray) -> np.ndarray:
    return np.unique(np.sort(pairs, axis=1), axis=0) if len(pairs) else pairs
