"""Photos that are other photos rescaled, recompressed, cropped or mirrored."""

from itertools import product

import numpy as np
from scipy.ndimage import gaussian_filter

from thalweg.checks.copies import Copy, copy_findings
from thalweg.checks.finding import Finding
from thalweg.checks.pictures import GREY, pictures_of
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

ALIKE = Copy(
    "ALIKE_PHOTOS", "a rescaled, recompressed or cropped copy", "rescaled, recompressed or cropped copies", least=0.005
)
SCALES, PLACES = (0.96, 0.92, 0.88, 0.84), (0.0, 0.5, 1.0)
SMALL, FINE, AXES = 14, 24, 64
LEAST, OF_MEDIAN, PROMISING, NEARER = 0.95, 0.10, 0.70, 0.7
MOVES = (2.0, 1.0, 0.5)
Window = tuple[float, float, float, float, bool]
"""Top, left, bottom and right edge in pixels of 48, and whether mirrored."""


@detector("alike-photos", turn=4)
def alike_photos(subject: Subject) -> list[Finding]:
    """Pairs that agree once one is cropped, far better than photos of the set usually do."""
    found = []
    for one in subject.of_kinds(("image",)):
        seen = pictures_of(subject, one)
        keep = seen.contrast >= 8
        if keep.sum() >= 10:
            pairs = near_pairs(seen.grey[keep])
            found += copy_findings(subject, np.sort(seen.rows[keep][pairs], axis=1), ALIKE)
    return found


def near_pairs(grey: np.ndarray) -> np.ndarray:
    """(P, 2) places of pictures (n, 48, 48) that are near copies."""
    windows = _windows()
    agreement, partner, window = _candidates(gaussian_filter(grey, (0, 1.2, 1.2)), windows)
    soft = gaussian_filter(grey, (0, 0.7, 0.7))
    fine = _unit(_cut(soft, _edges(windows[:1]), FINE))
    best, best_partner = agreement[:, 0].copy(), partner[:, 0].copy()
    usual = float(np.median(1 - best))
    for place in range(partner.shape[1]):
        rows = np.flatnonzero(1 - agreement[:, place] <= min(1 - PROMISING, NEARER * usual))
        refined = _refined(soft[rows], fine[partner[rows, place]], [windows[i] for i in window[rows, place]])
        better = refined > best[rows]
        best[rows[better]], best_partner[rows[better]] = refined[better], partner[rows[better], place]
    sure = best >= max(LEAST, 1 - OF_MEDIAN * usual)
    pairs = np.stack([np.flatnonzero(sure), best_partner[sure]], axis=1)
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _windows() -> list[Window]:
    """The whole, the whole mirrored, and crops at nine places."""
    whole = float(GREY)
    found: list[Window] = [(0.0, 0.0, whole, whole, False), (0.0, 0.0, whole, whole, True)]
    for scale, down, right in product(SCALES, PLACES, PLACES):
        top, left = down * (1 - scale) * whole, right * (1 - scale) * whole
        found.append((top, left, top + scale * whole, left + scale * whole, False))
    return found


def _candidates(grey: np.ndarray, windows: list[Window]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each picture its two best partners (n, 2): agreement, place, and the window of it that agrees."""
    count = len(grey)
    plain = _unit(_cut(grey, _edges(windows[:1]), SMALL))
    _, vectors = np.linalg.eigh(plain.T @ plain)
    basis = np.ascontiguousarray(vectors[:, -AXES:])
    narrow = (plain @ basis).astype(np.float32)
    cuts = [(_unit(_cut(grey, _edges([one]), SMALL)) @ basis).astype(np.float32) for one in windows]
    agreement, partner, chosen = np.zeros((count, 2)), np.zeros((count, 2), np.int64), np.zeros((count, 2), np.int64)
    for at in range(0, count, 500):
        rows = np.arange(at, min(at + 500, count))
        top = np.full((len(rows), count), -2.0, np.float32)
        which = np.zeros((len(rows), count), np.int8)
        for number, cut in enumerate(cuts):
            found = cut[rows] @ narrow.T
            better = found > top
            np.copyto(top, found, where=better)
            which[better] = number
        top[np.arange(len(rows)), rows] = -2.0
        order = np.argsort(-np.take_along_axis(top, near := np.argpartition(-top, 1, axis=1)[:, :2], axis=1), axis=1)
        near = np.take_along_axis(near, order, axis=1)
        agreement[rows], partner[rows], chosen[rows] = (
            np.take_along_axis(top, near, axis=1),
            near,
            np.take_along_axis(which, near, axis=1),
        )
    return agreement, partner, chosen


def _refined(grey: np.ndarray, other: np.ndarray, windows: list[Window]) -> np.ndarray:
    """(n,) agreement at 24 x 24 once the four edges of the window were moved to where it is best."""
    if not windows:
        return np.zeros(0)
    edges = _edges(windows)

    def agreement(tried: np.ndarray) -> np.ndarray:
        return (_unit(_cut(grey, tried, FINE)) * other).sum(axis=1)

    best = agreement(edges)
    for move in MOVES:
        for _, edge, side in product(range(2), range(4), (-move, move)):
            tried = edges.copy()
            tried[:, edge] = np.clip(tried[:, edge] + side, 0, GREY)
            found = agreement(tried)
            better = (found > best) & (tried[:, 2] - tried[:, 0] > GREY / 2) & (tried[:, 3] - tried[:, 1] > GREY / 2)
            edges[better], best[better] = tried[better], found[better]
    return best


def _edges(windows: list[Window]) -> np.ndarray:
    """(n, 5) float64: the windows' edges, and 1 where mirrored."""
    return np.asarray(windows, dtype=np.float64)


def _cut(grey: np.ndarray, edges: np.ndarray, side: int) -> np.ndarray:
    """(n, side²) float32: each picture's window (n or 1, 5), resampled."""
    down = _weights(edges[:, 0], edges[:, 2], side)
    right = _weights(edges[:, 1], edges[:, 3], side)
    mirrored = edges[:, 4] > 0
    right[mirrored] = right[mirrored, ::-1]
    cut: np.ndarray = down @ grey @ right.transpose(0, 2, 1)
    return cut.reshape(len(grey), side * side)


def _weights(low: np.ndarray, high: np.ndarray, side: int) -> np.ndarray:
    """(n, side, 48) float32: what each pixel adds to each place between two edges, linearly interpolated."""
    places = low[:, None] + (high - low)[:, None] * (np.arange(side) + 0.5) / side - 0.5
    places = np.clip(places, 0, GREY - 1)
    away = np.abs(places[:, :, None] - np.arange(GREY))
    return np.maximum(1 - away, 0).astype(np.float32)


def _unit(flat: np.ndarray) -> np.ndarray:
    centred = flat - flat.mean(axis=1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
