"""Photos that are other photos rescaled, recompressed, cropped, mirrored, turned, or lit otherwise."""

from statistics import NormalDist

import numpy as np

from thalweg.checks.blur import blurred
from thalweg.checks.copies import Copy, copy_findings
from thalweg.checks.finding import Finding
from thalweg.checks.near.registration import agreement
from thalweg.checks.near.views import View, resampled, unit, views
from thalweg.checks.pictures import pictures_of
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

ALIKE = Copy("ALIKE_PHOTOS", "an edited copy", "edited copies", least=0.005)
SOFTENED = 1.2
"""Pixels by which pictures are blurred before they are laid over each other."""
SMALL, AXES, PARTNERS = 14, 64, 3
"""Pixels a side and axes by which partners are looked up, and how many of them are looked at closely."""
LEAST, LEAST_DETAIL, NEARER = 0.9, 0.7, 0.35
"""Agreement of the whole and of detail; how near a copy is at most, of the way to the third nearest picture."""
OF_USUAL, SAME_DETAIL, OF_THIRD = 0.06, 0.9, 0.5
"""As sure: blurred, so near beside what is usual, so much detail in common, and half as far as the third nearest."""
ALL_DETAIL, OF_BOTH_THIRDS = 0.96, 0.3
"""As sure: nearly all detail in common, as hardly any two frames of one face have, and far nearer than the third of either."""
CHANCE, DENSEST, USUAL = 0.004, 0.01, 0.8
RARE, QUANTILES = 0.0005, (0.25, 0.6)
"""Shares of pictures: without a copy that may be taken to have one; around which others lie closest; by which D is told."""


@detector("alike-photos", turn=4)
def alike_photos(subject: Subject) -> list[Finding]:
    """Pairs that agree once one is laid over the other, far better than with the next pictures."""
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
    tried = views()
    soft = blurred(grey, SOFTENED)
    partner, view = _candidates(soft, tried)
    one, other, view = np.repeat(np.arange(len(grey)), PARTNERS), partner.ravel(), view.ravel()
    start = np.stack([found.turn for found in tried])[view], np.stack([found.shift for found in tried])[view]
    alike = agreement((grey, soft), one, other, start)
    smooth, sharp, detail = np.clip(1 - alike.T, 1e-9, None)
    apart = np.sqrt(sharp * detail)
    usual, third = float(np.median(_first_and_third(one, other, smooth)[0])), _first_and_third(one, other, apart)[1]
    same = (
        (smooth <= OF_USUAL * usual) & (detail <= 1 - SAME_DETAIL) & (apart <= OF_THIRD * np.maximum(third[one], third[other]))
    )
    same |= (detail <= 1 - ALL_DETAIL) & (apart <= OF_BOTH_THIRDS * np.minimum(third[one], third[other]))
    copy = (sharp <= 1 - LEAST) & (detail <= 1 - LEAST_DETAIL) & ((apart <= _limit(one, other, apart)) | same)
    return np.unique(np.sort(np.stack([one, other], axis=1)[copy], axis=1), axis=0)


def _limit(one: np.ndarray, other: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """(P,) how far apart the pictures of each pair may be to be copies: nearer than the next ones, or than nearly all others.

    Where pictures lie evenly in D dimensions, the nearest lies within a share t of the third nearest's distance by a chance of
    about 2 t^D, and what is usual tells D. Pictures that come in groups, such as several of each person, are unlike that; but
    in the sets that were looked at distances to the nearest are log-normal, down to the least hundredth of them.

    Reference: Facco et al. 2017, doi:10.1038/s41598-017-11873-y.
    """
    nearest, third = _first_and_third(one, other, apart)
    usual = float(np.quantile(nearest / third, USUAL))
    share = min(NEARER, usual ** (np.log(CHANCE / 2) / np.log(1 - np.sqrt(1 - USUAL))))
    around = np.maximum(third, np.quantile(third, DENSEST))
    low, high = np.log(np.maximum(np.quantile(nearest, QUANTILES), 1e-9))
    deviations = [NormalDist().inv_cdf(share) for share in (RARE, *QUANTILES)]
    rare = np.exp(low - (deviations[1] - deviations[0]) * (high - low) / (deviations[2] - deviations[1]))
    return np.maximum(share * np.maximum(around[one], around[other]), rare)


def _first_and_third(one: np.ndarray, other: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) distances to the nearest and third nearest of the pictures with which each was compared, from either side."""
    count = int(one.max()) + 1
    pair = np.concatenate([one * count + other, other * count + one])
    order = np.lexsort((both := np.concatenate([apart, apart]), pair))
    pair, first = np.unique(pair[order], return_index=True)
    near = both[order][first]
    order = np.lexsort((near, pair // count))
    start = np.searchsorted(pair // count, np.arange(count))
    return near[order][start], near[order][start + 2]


def _candidates(grey: np.ndarray, tried: list[View]) -> tuple[np.ndarray, np.ndarray]:
    """For each picture the three that look most like one of its views: their places (n, 3), and the views."""
    count, pixels = len(grey), np.ascontiguousarray(grey.reshape(len(grey), -1).T)
    cuts = (unit(resampled(pixels, one, SMALL).T) for one in tried)
    plain = next(cuts)
    _, vectors = np.linalg.eigh(plain.T @ plain)
    basis = np.ascontiguousarray(vectors[:, -AXES:])
    narrow = [plain @ basis, *(cut @ basis for cut in cuts)]
    partner, chosen = np.zeros((count, PARTNERS), np.int64), np.zeros((count, PARTNERS), np.int64)
    for at in range(0, count, 500):
        rows = np.arange(at, min(at + 500, count))
        top = np.full((len(rows), count), -2.0, np.float32)
        which = np.zeros((len(rows), count), np.int8)
        for number, cut in enumerate(narrow):
            found = cut[rows] @ narrow[0].T
            better = found > top
            np.copyto(top, found, where=better)
            which[better] = number
        top[np.arange(len(rows)), rows] = -2.0
        near = np.argpartition(-top, PARTNERS - 1, axis=1)[:, :PARTNERS]
        partner[rows], chosen[rows] = near, np.take_along_axis(which, near, axis=1)
    return partner, chosen
