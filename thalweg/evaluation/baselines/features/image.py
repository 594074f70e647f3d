"""Images: small ones as their pixels; larger ones as small pictures with histograms of colour and of the direction of edges.

References: Swain & Ballard 1991, doi:10.1007/BF00130487 (histograms of colours, all channels together); Dalal & Triggs 2005,
doi:10.1109/CVPR.2005.177 (histograms of oriented gradients, here in a grid of cells).
"""

import numpy as np

from thalweg.core.registry import features
from thalweg.fields.ports import Port

SMALL = 32
"""Sides up to this are read pixel by pixel."""
CELLS, DIRECTIONS, TONES = 4, 9, 8
COLOURED, LEVELS = 3, 6
"""Channels whose values are counted together, in so many levels of each."""


@features("image")
def image(values: np.ndarray, port: Port) -> np.ndarray:
    """(N, d) of standardised pictures (N, C, H, W)."""
    height, width = values.shape[-2:]
    if max(height, width) <= SMALL:
        return values.reshape(len(values), -1)
    coloured = values.shape[1] == COLOURED
    small = _averaged(values, CELLS if coloured else SMALL // 2)
    found = [small.reshape(len(values), -1), _tones(values), _edges(values), *([_colours(values)] if coloured else [])]
    return np.concatenate(found, axis=1).astype(np.float32)


def _averaged(values: np.ndarray, side: int) -> np.ndarray:
    """Pictures (N, C, side, side): means over a grid of near-equal cells."""
    rows = np.add.reduceat(values, _starts(values.shape[2], side), axis=2)
    both = np.add.reduceat(rows, _starts(values.shape[3], side), axis=3)
    areas = np.outer(_lengths(values.shape[2], side), _lengths(values.shape[3], side))
    return both / areas


def _tones(values: np.ndarray) -> np.ndarray:
    """(N, C·TONES) how many pixels lie in each range of standardised brightness, 1 being an even share."""
    place = np.clip(((values + 2) / 4 * TONES).astype(np.int64), 0, TONES - 1)
    shares = [(place == tone).mean(axis=(2, 3)) for tone in range(TONES)]
    return np.concatenate(shares, axis=1) * TONES


def _colours(values: np.ndarray) -> np.ndarray:
    """(N, LEVELS³) the root of the share of pixels that each standardised colour has, 1 being an even share.

    On ants and bees this took a forest from 65 to 76 % in cross-validation, where brightness by channel told little (LOG.md).
    """
    level = np.clip(((values + 2) / 4 * LEVELS).astype(np.int64), 0, LEVELS - 1)
    colour = ((level[:, 0] * LEVELS + level[:, 1]) * LEVELS + level[:, 2]).reshape(len(values), -1)
    counts = np.stack([np.bincount(one, minlength=LEVELS**COLOURED) for one in colour])
    shares: np.ndarray = np.sqrt(counts / colour.shape[1] * LEVELS**COLOURED)
    return shares


def _edges(values: np.ndarray) -> np.ndarray:
    """(N, CELLS²·DIRECTIONS) strength of edges by direction in each cell, each picture's mean square 1."""
    grey = values.mean(axis=1)
    down, right = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, right)
    direction = (np.arctan2(down, right) % np.pi / np.pi * DIRECTIONS).astype(np.int64) % DIRECTIONS
    by_direction = np.stack([np.where(direction == one, strength, 0.0) for one in range(DIRECTIONS)], axis=1)
    cells = _averaged(by_direction, CELLS).reshape(len(values), -1)
    return cells / np.maximum(np.sqrt((cells**2).mean(axis=1, keepdims=True)), 1e-6)


def _starts(length: int, count: int) -> np.ndarray:
    return np.arange(count) * length // count


def _lengths(length: int, count: int) -> np.ndarray:
    return np.diff([*_starts(length, count), length])
