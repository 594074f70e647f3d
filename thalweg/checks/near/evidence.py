"""Rows that are nearer to each other than chance allows, by the evidence of all their cells together."""

import numpy as np
import scipy

from thalweg.checks.bits import Cells
from thalweg.checks.subject import TRAIN, Subject

NEIGHBOURS, MOST_AXES, VARIED = 6, 16, 20
SURPRISE = 10.0
"""Bits beyond what the closest of all pairs has by chance."""
JITTER, ROUNDING = 2.5, 1.2
"""How many times more evidence than for the third neighbour: for any small change, and for rounding."""


def measured_pairs(subject: Subject, cells: Cells, values: np.ndarray, numbers: list[int]) -> np.ndarray:
    """(P, 2) rows whose nearest neighbour is far nearer than their third.

    Args:
        values: (N, M) the columns `numbers` of the cells.
    """
    varied = [i for i, column in enumerate(numbers) if cells.seen[column].distinct >= VARIED]
    rows = _rows(subject)
    if not varied or len(subject) <= NEIGHBOURS:
        return np.zeros((0, 2), dtype=np.int64)
    varied = sorted(varied, key=lambda i: -cells.bits[numbers[i]])[:MOST_AXES]
    space = np.stack([_spread(values[:, i]) for i in varied], axis=1)
    _, near = scipy.spatial.cKDTree(space).query(space[rows], k=NEIGHBOURS + 1)
    near = np.asarray([[other for other in line if other != row][:NEIGHBOURS] for row, line in zip(rows, near, strict=True)])
    evidence = _evidence(rows, near, cells, values, numbers)
    order = np.argsort(-evidence, axis=1)[:, :3]
    first, _, third = (np.take_along_axis(evidence, order, axis=1)[:, i] for i in range(3))
    best, rest = (np.take_along_axis(near, order, axis=1)[:, i] for i in (0, 2))
    sure = (first >= 2 * np.log2(len(subject)) + SURPRISE) & (first >= ROUNDING * third)
    other = [i for i in range(len(cells.seen)) if i not in numbers]
    alike = (cells.hashes[other][:, rows] == cells.hashes[other][:, best]).all(axis=0)
    differ = np.any(values[rows] != values[best], axis=1)
    whole = np.asarray([cells.seen[column].whole for column in numbers])
    finer = _is_rounding(values[rows], values[best], whole) & ~_is_rounding(values[rows], values[rest], whole)
    chosen = sure & differ & ((alike & (first >= JITTER * third)) | finer)
    return np.stack([rows[chosen], best[chosen]], axis=1)


def _rows(subject: Subject) -> np.ndarray:
    rows = np.arange(len(subject))
    if subject.split and len(rows) > 10_000:
        rows = np.flatnonzero(subject.part > TRAIN)
    return subject.sample(rows, most=10_000, hurried=1_000, what="rounded copies")


def _spread(column: np.ndarray) -> np.ndarray:
    """The column on a scale on which its middle half has width 1 and tails are drawn in; gaps at the median."""
    there = column[np.isfinite(column)]
    low, middle, high = np.percentile(there, [25, 50, 75])
    width = (high - low) or float(there.std()) or 1.0
    return np.arcsinh(2 * (np.where(np.isfinite(column), column, middle) - middle) / width)


def _evidence(rows: np.ndarray, near: np.ndarray, cells: Cells, values: np.ndarray, numbers: list[int]) -> np.ndarray:
    """(R, K) bits: minus the logarithm of the chance that a random row is at least as close, summed over cells."""
    total, count = np.zeros(near.shape), len(values)
    places = {column: i for i, column in enumerate(numbers)}
    for column, seen in enumerate(cells.seen):
        if column in places:
            own, theirs = values[rows, places[column]][:, None], values[near, places[column]]
            ordered = np.sort(values[:, places[column]])
            away = np.abs(own - theirs) * (1 + 1e-9)
            inside = np.searchsorted(ordered, own + away, "right") - np.searchsorted(ordered, own - away, "left")
            agree = np.isfinite(away)
        else:
            index = seen.index
            inside = np.bincount(index)[index[rows]][:, None] * np.ones_like(near)
            agree = index[near] == index[rows][:, None]
        total += np.where(agree, -np.log2(np.maximum(inside, 1) / count), 0.0)
    return total


def _is_rounding(ours: np.ndarray, theirs: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """(R,) bool: every number that differs does so by at most half a unit of the coarser one's last digit."""
    unit = np.maximum(_last_digit(ours, whole), _last_digit(theirs, whole))
    misfits = (np.abs(ours - theirs) > 0.5 * unit * (1 + 1e-6)).sum(axis=1)
    return misfits <= ours.shape[1] / 20


def _last_digit(values: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """What one more in the last digit would add: 0.01 for 3.14, 100 for 1,200; at least two digits of whole numbers stand."""
    unit = np.full(values.shape, 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values))))
    for power in range(-8, 7):
        step = 10.0**power
        scaled = values / step
        at_least = np.where(whole, 1, 0)
        stands = (np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1, np.abs(scaled))) & (power <= size - at_least)
        unit = np.where(stands | (whole & (power <= 0)), step, unit)
    return unit
