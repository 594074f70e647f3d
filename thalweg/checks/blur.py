"""Pictures blurred by a bell curve: the values of `scipy.ndimage.gaussian_filter` to the last bit.

Importing that takes .3 s, most of it for its documentation; here many pictures go at once.
"""

from functools import cache

import numpy as np

TRUNCATED = 4.0
"""Deviations from the middle at which the curve ends."""
AT_ONCE = 1 << 15
"""Pixels that are blurred together, so that they stay in the cache."""


def blurred(pictures: np.ndarray, deviation: float) -> np.ndarray:
    """(n, H, W) float32 in the form given, each picture blurred; beyond its border it goes on mirrored.

    Args:
        deviation: of the bell curve, in pixels, above 0.
    """
    found = np.empty(pictures.shape, np.float32)
    step = max(1, AT_ONCE // max(1, pictures.shape[1] * pictures.shape[2]))
    for at in range(0, len(pictures), step):
        part = slice(at, at + step)
        found[part] = _along(_along(pictures[part], deviation, 1), deviation, 2)
    return found


def _along(pictures: np.ndarray, deviation: float, axis: int) -> np.ndarray:
    """(n, H, W) float32: sums in float64, from the farthest pixels to the nearest."""
    weights, size = _curve(deviation), pictures.shape[axis]
    reach = len(weights) - 1
    lines = np.moveaxis(pictures, axis, 0).reshape(size, -1)
    mirrored = np.pad(np.arange(size), reach, mode="symmetric")
    around = lines[mirrored].astype(np.float64)  # (reach + size + reach, others)
    total = around[reach : reach + size] * weights[0]
    pair = np.empty_like(total)
    for by in range(reach, 0, -1):
        np.add(around[reach - by : reach - by + size], around[reach + by : reach + by + size], out=pair)
        pair *= weights[by]
        total += pair
    others = [pictures.shape[one] for one in range(3) if one != axis]
    return np.moveaxis(total.astype(np.float32).reshape(size, *others), 0, axis)


@cache
def _curve(deviation: float) -> tuple[float, ...]:
    """The weights of a pixel itself and of those at each distance, which sum to 1 with both sides."""
    reach = int(TRUNCATED * deviation + 0.5)
    heights = np.exp(-0.5 / (deviation * deviation) * np.arange(-reach, reach + 1) ** 2)
    return tuple((heights / heights.sum())[reach:].tolist())
