"""Series that are other series moved in time, or with a little noise."""

import numpy as np

from thalweg.checks.copies import Copy, copy_findings
from thalweg.checks.finding import Finding
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

MOVED = Copy("MOVED_SERIES", "a moved copy", "moved copies", least=0.005)
REACH, STEPS = 0.1, 15
"""How far a copy may be moved, as a share of the length, and in how many steps each way."""
SURE, THAN_THIRD, THAN_MEDIAN = 0.99, 0.2, 0.15
AXES = 32
FEW_STEPS = 5.0
"""A series whose changes are made in fewer steps than this says too little."""


@detector("moved-series", turn=4)
def moved_series(subject: Subject) -> list[Finding]:
    """Pairs that agree when one is moved by up to a tenth of its length, far better than third neighbours do."""
    found = []
    for one in subject.of_kinds(("series",)):
        rows = subject.sample(np.arange(len(one)), most=6_000, hurried=1_500, what="moved copies")
        table = _table(one, rows)
        if table is not None and len(rows) > 20:
            found += copy_findings(subject, _pairs(table, rows), MOVED)
    return found


def _table(one: Seen, rows: np.ndarray) -> np.ndarray | None:
    """(n, T, C) float32, gaps as zero; None where lengths differ or are too short."""
    values = [np.asarray(one.column[row], dtype=np.float32) for row in rows.tolist()]
    if len({value.shape for value in values}) != 1 or values[0].ndim not in (1, 2) or len(values[0]) < 16:
        return None
    table = np.stack(values)
    return np.nan_to_num(table[:, :, None] if table.ndim == 2 else table)


def _pairs(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    count, length, _ = table.shape
    edge = max(1, round(REACH * length))
    moves = np.unique(np.round(np.linspace(-edge, edge, 2 * STEPS + 1)).astype(int))
    middle = _standard(table[:, edge : length - edge])
    basis = _basis(middle)
    narrow = middle @ basis
    other = np.zeros((count, 3), dtype=np.int64)
    moved = np.zeros((count, 3), dtype=np.int64)
    for at in range(0, count, 1000):
        part = slice(at, min(at + 1000, count))
        top, shift = np.full((part.stop - at, count), -1.0, np.float32), np.zeros((part.stop - at, count), np.int16)
        for move in moves.tolist():
            window = _standard(table[part, edge + move : length - edge + move]) @ basis
            agreement = window @ narrow.T
            better = agreement > top
            top[better], shift[better] = agreement[better], move
        top[np.arange(part.stop - at), np.arange(at, part.stop)] = -1.0
        order = np.argpartition(-top, 2, axis=1)[:, :3]
        moved[part], other[part] = np.take_along_axis(shift, order, axis=1), order
    return _sure(table, rows, other, moved)


def _between(length: int) -> int:
    """Steps that lie between one tried move and the next."""
    return int(np.ceil(REACH * length / STEPS / 2))


def _sure(table: np.ndarray, rows: np.ndarray, other: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(P, 2) the pairs whose overlap agrees nearly in full, when the third neighbour's and the usual one's do not."""
    between = range(-_between(table.shape[1]), _between(table.shape[1]) + 1)
    tried = [np.stack([_overlap(table, other[:, k], moved[:, k] + step) for step in between]) for k in range(3)]
    exact = np.stack([one.max(axis=0) for one in tried], axis=1)
    nearest = exact.argmax(axis=1)
    exact = np.sort(exact, axis=1)[:, ::-1]
    gap, third = 1 - exact[:, 0], 1 - exact[:, 2]
    chosen = (exact[:, 0] >= SURE) & (gap <= THAN_THIRD * third) & (gap <= THAN_MEDIAN * float(np.median(gap)))
    partner = np.take_along_axis(other, nearest[:, None], axis=1)[:, 0]
    chosen &= (_steps(table) >= FEW_STEPS) | (gap < 1e-6)
    pairs = np.stack([rows[chosen], rows[partner[chosen]]], axis=1)
    same = (table[chosen] == table[partner[chosen]]).all(axis=(1, 2)) if chosen.any() else np.zeros(0, bool)
    return np.unique(np.sort(pairs[~same], axis=1), axis=0)


def _overlap(table: np.ndarray, other: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(n,) the correlation of each series with another, over what they share once it is moved."""
    found = np.full(len(table), -1.0)
    length = table.shape[1]
    for move in np.unique(moved).tolist():
        rows = np.flatnonzero(moved == move)
        own = slice(max(move, 0), length + min(move, 0))
        theirs = slice(max(-move, 0), length - max(move, 0))
        found[rows] = (_standard(table[rows, own]) * _standard(table[other[rows], theirs])).sum(axis=1)
    return found


def _standard(windows: np.ndarray) -> np.ndarray:
    """(n, T·C) of norm 1: each channel less its mean, over its deviation."""
    centred = windows - windows.mean(axis=1, keepdims=True)
    scaled = centred / np.maximum(centred.std(axis=1, keepdims=True), 1e-6)
    flat = scaled.reshape(len(windows), -1)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)


def _basis(flat: np.ndarray) -> np.ndarray:
    """(D, k) the directions in which they differ most; agreement within them is nearly all of it."""
    if flat.shape[1] <= 2 * AXES:
        return np.eye(flat.shape[1], dtype=flat.dtype)
    _, vectors = np.linalg.eigh(flat.T @ flat)
    return np.ascontiguousarray(vectors[:, -AXES:])


def _steps(table: np.ndarray) -> np.ndarray:
    """(n,) how many steps a series' changes are made of, the large ones counting."""
    squares = np.diff(table, axis=1) ** 2
    whole = squares.sum(axis=(1, 2))
    return whole**2 / np.maximum((squares**2).sum(axis=(1, 2)), 1e-30)
