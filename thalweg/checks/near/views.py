"""Views of small square pictures: a map from the middle of one picture to places in another, and the picture read there.

A view is u -> A u + t, where u and A u + t run from -1 to 1 over the picture's height and width. Only the middle of a picture
is compared, since a turned copy has empty corners.
"""

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from thalweg.checks.pictures import GREY

MIDDLE = 40 / 48
"""Share of height and width that is compared."""
CROPS, MIRRORED_CROPS, PLACES = (0.95, 0.9, 0.85), (0.9,), (-1, 0, 1)
TURNS, QUARTERS = (-3.5, 3.5), (90, 180, 270)
WHITES = (196.0, 160.0)
"""Levels that a third or two thirds more light would make white."""


class View(NamedTuple):
    """One view: A (2, 2), t (2,), and the level from which on all is white."""

    turn: np.ndarray
    shift: np.ndarray
    white: float = 255.0


def views() -> list[View]:
    """The whole first; mirrored, turned, brighter; and crops at nine places."""
    whole, mirrored, nowhere = np.eye(2), np.diag([1.0, -1.0]), np.zeros(2)
    found = [View(whole, nowhere), View(mirrored, nowhere), View(-mirrored, nowhere)]
    found += [View(_turned(degrees), nowhere) for degrees in TURNS + QUARTERS]
    found += [View(whole, nowhere, white) for white in WHITES]
    sides = [(whole, scale) for scale in CROPS] + [(mirrored, scale) for scale in MIRRORED_CROPS]
    return found + [
        View(scale * side, (1 - scale) * np.asarray(place, dtype=np.float64))
        for (side, scale), place in product(sides, product(PLACES, PLACES))
    ]


def _turned(degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@cache
def grid(side: int) -> np.ndarray:
    """(side², 2) float32: the centres of so many pixels a side in the middle of a picture."""
    line = MIDDLE * ((np.arange(side) + 0.5) / side * 2 - 1)
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)


def resampled(pixels: np.ndarray, view: View, side: int) -> np.ndarray:
    """(side², n) float32: the grid's points in one view of pictures (48², n), whose levels lie in [0, 255]."""
    corner, down, right = (one[0] for one in _corners(view.turn[None], view.shift[None], side))
    around = zip((0, 1, GREY, GREY + 1), _shares(down, right), strict=True)
    read = (np.minimum(pixels[corner + by], np.float32(view.white)) * share[:, None] for by, share in around)
    total: np.ndarray = next(read)
    for one in read:
        total += one
    return total


def _shares(down: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, ...]:
    """What each of four pixels adds to a point between them."""
    return (1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right


def seen(grey: np.ndarray, turn: np.ndarray, shift: np.ndarray, side: int) -> np.ndarray:
    """(P, side²) float32: each picture (P, 48, 48) in a view of its own, turn (P, 2, 2) and shift (P, 2)."""
    corner, down, right = _corners(turn, shift, side)
    flat = np.ascontiguousarray(grey).ravel()
    corner += np.arange(len(grey))[:, None] * GREY * GREY
    left = 1 - right
    above = left * flat.take(corner) + right * flat[1:].take(corner)
    below = left * flat[GREY:].take(corner) + right * flat[GREY + 1 :].take(corner)
    found: np.ndarray = above + down * (below - above)
    return found


def _corners(turn: np.ndarray, shift: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(P, m) the pixel above and left of each point of the grid, and how far below and right of its centre the point lies."""
    mapped = grid(side) @ turn.transpose(0, 2, 1).astype(np.float32) + shift[:, None].astype(np.float32)
    places = np.moveaxis(GREY / 2 * (1 + mapped) - 0.5, 2, 0).copy()  # (2, P, m)
    np.clip(places, 0, GREY - 1.001, out=places)
    first = np.floor(places)
    places -= first
    return (first[0] * GREY + first[1]).astype(np.int64), places[0], places[1]


def unit(flat: np.ndarray) -> np.ndarray:
    """(n, m) each row less its mean, of length 1."""
    centred = flat - flat.mean(axis=1, keepdims=True)
    length = np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
    found: np.ndarray = centred / length
    return found
