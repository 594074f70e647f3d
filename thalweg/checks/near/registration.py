"""Pictures laid over each other: the view of one in which it agrees best with the middle of another.

References: Baker & Matthews 2004, doi:10.1023/B:VISI.0000011205.11775.fd (inverse compositional steps: what a small move
changes is computed once for each picture that is looked for); Evangelidis & Psarakis 2008, doi:10.1109/TPAMI.2008.113
(agreement that brightness and contrast do not change).
"""

import numpy as np

from thalweg.checks.blur import blurred
from thalweg.checks.near.views import MIDDLE, grid, seen, unit

COARSE, FINE = 16, 40
STEPS, STIFF, FARTHEST = 5, 0.02, 0.15
"""Steps of a search; how much less than all a step trusts the picture; how far an entry of a view may move."""
DETAIL, BORDER = 2.0, 2
"""Pixels of the fine grid: what is narrower counts as detail; of the border, where it cannot be told."""
WHITE = 248.0
AT_ONCE = 100


def agreement(
    pictures: tuple[np.ndarray, np.ndarray], one: np.ndarray, other: np.ndarray, start: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(P, 3) correlation of each picture `one`, seen as suits best, with the middle of `other`: blurred, sharp, detail alone.

    Args:
        pictures: (n, 48, 48) float32, as they are and blurred.
        one: (P,) places of the pictures that are moved.
        other: (P,) places of those that are looked for.
        start: A (P, 2, 2) and t (P, 2) of the views to begin with.
    """
    grey, soft = pictures
    whole = np.broadcast_to(np.eye(2), (len(grey), 2, 2)), np.zeros((len(grey), 2))
    middle, fine = seen(soft, *whole, COARSE), seen(grey, *whole, FINE)
    step, detail = _steps(middle), unit(_detail(fine))
    found = np.zeros((len(one), 3))
    for at in range(0, len(one), AT_ONCE):
        i, j, part = one[at : at + AT_ONCE], other[at : at + AT_ONCE], slice(at, at + AT_ONCE)
        found[part, 0], turn, shift = _laid_over(soft[i], middle[j], step[j], (start[0][part], start[1][part]))
        moved, wanted = equally_white(seen(grey[i], turn, shift, FINE), fine[j])
        cut = (wanted != fine[j]).any(axis=1)
        theirs = unit(_detail(wanted)) if cut.any() else detail[j]
        found[part, 1] = (unit(moved) * unit(wanted)).sum(axis=1)
        found[part, 2] = (unit(_detail(moved)) * theirs).sum(axis=1)
    return found


def _steps(middle: np.ndarray) -> np.ndarray:
    """(n, 6, m) the move of a view (four entries of A, two of t) that a difference of unit pictures asks for.

    What brightness and contrast can explain of a move is left to them.
    """
    side, points = round(middle.shape[1] ** 0.5), grid(round(middle.shape[1] ** 0.5))
    length = np.linalg.norm(middle - middle.mean(axis=1, keepdims=True), axis=1)
    slopes = np.gradient(middle.reshape(-1, side, side), 2 * MIDDLE / side, axis=(1, 2))
    down, right = (slope.reshape(len(middle), -1) / np.maximum(length, 1e-6)[:, None] for slope in slopes)
    moves = np.stack([one * by for one in (down, right) for by in (points[:, 0], points[:, 1], np.float32(1))], axis=1)
    moves -= moves.mean(axis=2, keepdims=True)
    pattern = unit(middle)
    moves -= (moves @ pattern[:, :, None]) * pattern[:, None]
    squares = moves @ moves.transpose(0, 2, 1)
    squares += STIFF * (np.trace(squares, axis1=1, axis2=2) / 6 + 1e-9)[:, None, None] * np.eye(6, dtype=np.float32)
    found: np.ndarray = np.linalg.solve(squares, moves)
    return found


def _laid_over(
    grey: np.ndarray, middle: np.ndarray, step: np.ndarray, start: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How well (P,) pictures agree with the middles (P, m) of others, and the views (P, 2, 2) and (P, 2) that do best."""
    turn, shift = (np.array(one, dtype=np.float32) for one in start)
    best, best_turn, best_shift = np.full(len(grey), -2.0), turn.copy(), shift.copy()
    for number in range(STEPS + 1):
        now, wanted = (unit(one) for one in equally_white(seen(grey, turn, shift, COARSE), middle))
        found = (now * wanted).sum(axis=1)
        better = found > best
        best[better], best_turn[better], best_shift[better] = found[better], turn[better], shift[better]
        if number < STEPS:
            move = (step @ (now - wanted)[:, :, None])[:, :, 0].reshape(-1, 2, 3)
            turn, shift = _moved(turn, shift, np.clip(move, -0.1, 0.1))
            turn, shift = (one + np.clip(new - one, -FARTHEST, FARTHEST) for one, new in zip(start, (turn, shift), strict=True))
    return best, best_turn, best_shift


def _moved(turn: np.ndarray, shift: np.ndarray, move: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The views after the inverse of a move (P, 2, 3) of what is looked for."""
    turned = turn @ np.linalg.inv(np.eye(2, dtype=np.float32) + move[:, :, :2])
    return turned, shift - (turned @ move[:, :, 2:])[:, :, 0]


def equally_white(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both (P, m), the one with fewer white points cut off at a level above which as many lie as are white in the other.

    More light makes the brightest parts of a copy white.
    """
    share = [(part >= WHITE).mean(axis=1) for part in (one, other)]
    return _cut_off(one, share[1], share[0]), _cut_off(other, share[0], share[1])


def _cut_off(grey: np.ndarray, wanted: np.ndarray, share: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(wanted > share + 0.01)
    if not len(rows):
        return grey
    rank = ((1 - wanted[rows]) * grey.shape[1]).astype(np.int64).clip(0, grey.shape[1] - 1)
    level = np.sort(grey[rows], axis=1)[np.arange(len(rows)), rank]
    found = grey.copy()
    found[rows] = np.minimum(grey[rows], level[:, None])
    return found


def _detail(fine: np.ndarray) -> np.ndarray:
    """(P, m) what a blur takes away."""
    square = fine.reshape(-1, FINE, FINE)
    sharp = square - blurred(square, DETAIL)
    return sharp[:, BORDER:-BORDER, BORDER:-BORDER].reshape(len(fine), -1)
