"""Values that are others times a factor: a cloud that the tail before it does not explain, or digits that give them away."""

from typing import NamedTuple

import numpy as np
import scipy

from thalweg.checks.finding import enough

FACTORS = (1000.0, 100.0, 60.0, 24.0, 12.0, 10.0, 7.0, 3.2808, 2.54, 2.2046, 1.6093)
MOST_SHARE = 0.25
CUTS = np.arange(0.3, 1.51, 0.05)
"""Where a cloud may begin, of the way that the factor moves values."""
TAIL, UNLIKELY, NATURAL = 0.3, 1e-4, 0.25
"""Share of a side that tells its tail; the chance of as many values beyond a cut; of those the share that may belong there."""
GAP, IN_GAP = 0.15, 0.2
"""Half the width of a gap, of the way of the factor; values in it, of those of the cloud."""
CLEAR, CLEAR_OF_ALL = 3.5, 3.0
"""Deviations of the side on which the cloud lies, and of all the others, by which the factor must move values.

The other side hides moved values and makes none that look moved, so it may be wider: amounts spread evenly from 0 on, as times
of a record are, have a narrow upper side and a lower one so long that a factor of 10 is 3.2 deviations of all.
"""
MOST_SHRUNK = 0.75
"""Of the deviation of all, the deviation of the others at least, as a cloud is no more than a quarter."""
ROUNDS, BINS, SURE = 5, 400, 0.8
"""Of the search for all that are moved: rounds, cells of the density, and how sure it must be."""


class Cloud(NamedTuple):
    """Places of values that are the others times a factor."""

    factor: float
    places: np.ndarray


def cloud_of(logs: np.ndarray, rows: int) -> Cloud | None:
    """The largest cloud, and of its factors the one that makes it most like the rest; None where there is none.

    Args:
        logs: (n,) logarithms of values; equal ones are equal to the last digit.
        rows: how many were looked at, gaps and zeros among them.
    """
    wide = [factor for factor in FACTORS if np.log(factor) >= MOST_SHRUNK * CLEAR_OF_ALL * deviation(logs)]
    found = [one for factor in wide for way in (factor, 1 / factor) if (one := _of_factor(logs, way, rows)) is not None]
    return min(found, key=lambda one: (-len(one[1].places), one[0]))[1] if found else None


def deviation(numbers: np.ndarray) -> float:
    """The standard deviation as half of the values tell it."""
    return float(np.median(np.abs(numbers - np.median(numbers)))) / 0.6745


def moved(axis: np.ndarray, cloud: Cloud) -> np.ndarray:
    """The places of all values that are likelier others times the factor than values of the usual unit.

    Both are drawn from one density, of which some values lie moved by the factor; that density and which are moved are found
    in turn, from the cloud on.

    Args:
        axis: (n,) logarithms, or what other columns leave of them.
    """
    move = float(np.log(cloud.factor))
    belongs = np.zeros(len(axis))
    belongs[cloud.places] = 1.0
    for _ in range(ROUNDS):
        usual, as_if = _density(axis - move * (belongs > 0.5), [axis, axis - move])
        odds = belongs.mean() * as_if / np.maximum((1 - belongs.mean()) * usual, 1e-300)
        belongs = odds / (1 + odds) * (np.sign(move) * axis > 0.25 * abs(move))
    return np.flatnonzero(belongs > SURE)


def _density(points: np.ndarray, asked: list[np.ndarray]) -> list[np.ndarray]:
    """The density of points (n,), smoothed, nowhere below a tenth of a point a bin, at each of what is asked."""
    low, high = min(one.min() for one in asked), max(one.max() for one in asked)
    width = (high - low) / BINS or 1.0
    counts = np.histogram(points, BINS, (low, low + BINS * width))[0].astype(np.float64)
    smooth = scipy.ndimage.gaussian_filter1d(counts, max(0.9 * deviation(points) * len(points) ** -0.2 / width, 0.5)) + 0.1
    return [smooth[np.clip(((one - low) / width).astype(np.int64), 0, BINS - 1)] for one in asked]


def _of_factor(logs: np.ndarray, factor: float, rows: int) -> tuple[float, Cloud] | None:
    """The largest cloud of one factor, and how unlike the rest (0 to 1) it is once the factor is undone."""
    away = np.sign(np.log(factor)) * (logs - np.median(logs))
    way = abs(float(np.log(factor)))
    for cut in (CUTS * way).tolist():
        beyond = away > cut
        if not enough(beyond.sum(), rows) or beyond.sum() > MOST_SHARE * len(logs) or not _stands_alone(away, cut, way):
            continue
        rest = away[~beyond & (away > cut - way)]
        distance = float(scipy.stats.ks_2samp(np.round(away[beyond] - way, 9), rest).statistic) if len(rest) else 1.0
        limit = 1.63 * np.sqrt(1 / beyond.sum() + 1 / max(len(rest), 1)) + 0.1
        if distance <= limit:  # farther cuts leave less of it
            return distance, Cloud(factor, np.flatnonzero(beyond))
    return None


def _stands_alone(away: np.ndarray, cut: float, way: float) -> bool:
    """Values beyond the cut lie behind a gap, the others are narrow beside the factor, and their tail does not reach so far."""
    beyond = away > cut
    count, side = int(beyond.sum()), away[(away > 0) & ~beyond]
    if not len(side) or way < max(CLEAR * float(np.sqrt((side**2).mean())), CLEAR_OF_ALL * deviation(away[~beyond])):
        return False
    if (np.abs(away - cut) < GAP * way).sum() > IN_GAP * count:
        return False
    natural = natural_beyond(away, cut)
    return natural <= NATURAL * count and float(scipy.stats.poisson.sf(count - 1, natural)) <= UNLIKELY


def natural_beyond(away: np.ndarray, cut: float) -> float:
    """How many values one would expect beyond a cut, if the side's tail went on as before it: exponential, cut off there.

    Reference: Deemer & Votaw 1955, doi:10.1214/aoms/1177728494 (the rate of a truncated exponential).
    """
    side = away[(away > 0) & (away <= cut)]
    if len(side) < 10:
        return np.inf
    start = float(np.quantile(side, 1 - TAIL))
    tail, length = side[side >= start] - start, cut - start
    mean = float(tail.mean())
    if mean >= 0.45 * length or mean <= 0:  # hardly falling: the cut lies in the bulk
        return np.inf if mean > 0 else 0.0
    rate = 1 / mean
    for _ in range(20):  # mean = 1 / rate - length / (exp(rate length) - 1)
        rate = 1 / (mean + length / np.expm1(min(rate * length, 700.0)))
    return len(tail) / float(np.expm1(min(rate * length, 700.0)))
