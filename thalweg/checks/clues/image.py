"""What quick models read of pictures: directions of edges in a grid of cells, and a picture of 8 x 8 colours.

Reference: Dalal & Triggs 2005, doi:10.1109/CVPR.2005.177.
"""

from typing import Any

import numpy as np

from thalweg.checks.pictures import pictures_of
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import clues

CELL, DIRECTIONS = 4, 9


@clues("image", judges=("logistic-of-axes", "neighbours"))
def image(subject: Subject, seen: Seen, rows: np.ndarray) -> tuple[np.ndarray, Any]:
    """The rows that could be read, and (n, d) float64."""
    read = pictures_of(subject, seen)
    keep = np.isin(read.rows, rows)
    colours = read.colour[keep].reshape(int(keep.sum()), -1) / 255
    return read.rows[keep], np.concatenate([_edges(read.edges[keep]), colours], axis=1).astype(np.float64)


def _edges(grey: np.ndarray) -> np.ndarray:
    """(n, d) histograms of directions in cells of 4 x 4 pixels, each block of 2 x 2 cells of length 1."""
    down, right = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, right)
    direction = (np.arctan2(down, right) % np.pi / np.pi * DIRECTIONS).astype(np.int64) % DIRECTIONS
    side = grey.shape[1] // CELL
    cells = np.stack([np.where(direction == one, strength, 0.0) for one in range(DIRECTIONS)], axis=-1)
    cells = cells.reshape(len(grey), side, CELL, side, CELL, DIRECTIONS).sum(axis=(2, 4))
    blocks = np.concatenate([cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:]], axis=-1)
    return (blocks / (np.linalg.norm(blocks, axis=-1, keepdims=True) + 1.0)).reshape(len(grey), -1)
