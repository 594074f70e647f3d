"""Pictures as the checks see them: each decoded once, and kept as small ones with a few measures."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from thalweg.checks.blur import blurred
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.fields.pictures import EVER_DECODED, MOST_PIXELS, Form, Unreadable, each, header, pixels

LARGEST, GREY, CLUE = 256, 48, 32
"""Sides in pixels: of what is measured, of what is compared, of what edges are read from."""
SECONDS_PER_MEGAPIXEL = 0.035
"""Decoding a JPEG and shrinking it, on one thread of an AMD EPYC; decides how many are looked at ahead of a training."""
HURRIED_SECONDS = 0.3
SMALL, TOGETHER = 4096, 256
"""Pixels of pictures whose tones are told together, and how many of one shape at once."""


@dataclass(frozen=True)
class Pictures:
    """The pictures that were looked at, those that could be read.

    Attributes:
        rows: (n,) their rows.
        grey: (n, 48, 48) float32 in [0, 255].
        colour: (n, 8, 8, 3) float32 in [0, 255].
        edges: (n, 32, 32) float32, grey.
        contrast: (n,) brightness of the 99 % pixel less that of the 1 % pixel.
        bright: (n,) brightness of the 95 % pixel.
        softness: (n,) share of the gradients' energy that is left after blurring by one pixel: the more, the blurrier it was.
        broken: row to why a picture cannot be read.
        asked: how many were looked at.
    """

    rows: np.ndarray
    grey: np.ndarray
    colour: np.ndarray
    edges: np.ndarray
    contrast: np.ndarray
    bright: np.ndarray
    softness: np.ndarray
    broken: dict[int, str]
    asked: int


def pictures_of(subject: Subject, one: Seen) -> Pictures:
    """The pictures of a column, or of a sample of it; decoded once for all detectors."""
    found: Pictures = subject.once(f"pictures of {one.name}", lambda: _looked_at(subject, one))
    return found


def _looked_at(subject: Subject, one: Seen) -> Pictures:
    rows = _rows(subject, one)
    read: list[tuple[Any, ...]] = []
    broken: dict[int, str] = {}
    waiting: dict[Any, list[int]] = {}
    measured = partial(_measured, most=subject.settings.image_pixels or MOST_PIXELS)
    for row, found in zip(rows.tolist(), each(measured, [one.column[row] for row in rows.tolist()]), strict=True):
        if isinstance(found, Unreadable):
            broken[row] = str(found)
            continue
        read.append((row, *found))
        if isinstance(found[-1], np.ndarray):
            alike = waiting.setdefault(found[-1].shape, [])
            alike.append(len(read) - 1)
            if len(alike) == TOGETHER:
                _tell(read, waiting.pop(found[-1].shape))
    for alike in waiting.values():
        _tell(read, alike)
    shapes: list[tuple[int, ...]] = [(), (GREY, GREY), (8, 8, 3), (CLUE, CLUE)]
    columns = [np.zeros((len(read), *shape), np.float32 if shape else np.int64) for shape in shapes]
    tones = [np.zeros(len(read)) for _ in range(3)]
    for place, values in enumerate(read):
        for column, value in zip([*columns, *tones], (*values[:-1], *values[-1]), strict=True):
            column[place] = value
    (kept, grey, colour, edges), (contrast, bright, softness) = columns, tones
    return Pictures(kept, grey, colour, edges, contrast, bright, softness, broken, len(rows))


def _tell(read: list[tuple[Any, ...]], places: list[int]) -> None:
    """Put the tones of pictures of one shape in place of their brightness."""
    for place, tones in zip(places, _tones(np.stack([read[place][-1] for place in places])).T, strict=True):
        read[place] = (*read[place][:-1], tuple(tones.tolist()))


def _rows(subject: Subject, one: Seen) -> np.ndarray:
    """All rows; ahead of a training as many as can be decoded in its time, by the pictures' size, judging parts first."""
    everything = np.arange(len(one))
    if not subject.quick:
        return subject.sample(everything, most=50_000, hurried=50_000, what="pictures")
    sizes = [
        found
        for found in each(
            partial(header, most=EVER_DECODED), [one.column[i] for i in everything[:: max(1, len(one) // 20)][:20]]
        )
        if not isinstance(found, Unreadable)
    ]
    megapixels = float(np.mean([size.height * size.width for size in sizes])) / 1e6 if sizes else 0.1
    limit = int(HURRIED_SECONDS / (0.0008 + SECONDS_PER_MEGAPIXEL * min(megapixels, 50.0)))
    return subject.sample(everything, most=limit, hurried=limit, what="copies and faults of pictures")


def _measured(picture: Any, *, most: int) -> tuple[Any, ...]:
    """What is kept of a picture; of a small one its brightness in place of its tones, which are told of several at once.

    Raises:
        Unreadable: it is damaged, or none.
    """
    size = header(picture, most=most)
    factor = min(1.0, LARGEST / max(size.height, size.width))
    form = Form(max(1, round(size.height * factor)), max(1, round(size.width * factor)), 3, *_levels(picture), most=most)
    image = Image.fromarray(pixels(_three_channels(picture), form))
    light = np.asarray(image.convert("L"))
    box = Image.Resampling.BOX if min(image.size) >= GREY else Image.Resampling.BILINEAR
    single = Image.fromarray(light.astype(np.float32))
    return (
        np.asarray(single.resize((GREY, GREY), box)),
        np.asarray(image.resize((8, 8), Image.Resampling.BOX), dtype=np.float32),
        np.asarray(single.resize((CLUE, CLUE), Image.Resampling.BOX if min(image.size) >= CLUE else Image.Resampling.BILINEAR)),
        light if light.size <= SMALL else tuple(_tones(light[None])[:, 0].tolist()),
    )


def _levels(picture: Any) -> tuple[float, float]:
    """What counts as black and white in an array that holds no bytes: 1, 16 or 255, or the largest value."""
    if not isinstance(picture, np.ndarray) or picture.dtype == np.uint8 or not np.isfinite(picture).all():
        return 0.0, 255.0
    low, high = min(float(picture.min()), 0.0), float(picture.max())
    usual = [limit for limit in (1.0, 16.0, 255.0) if low == 0 and high <= limit]
    return low, usual[0] if usual else high + 1e-9


def _three_channels(picture: Any) -> Any:
    """Arrays of other than 1, 3 or 4 channels as their mean; all else as it is."""
    if isinstance(picture, np.ndarray) and picture.ndim == 3 and not {1, 3, 4} & {picture.shape[0], picture.shape[2]}:
        return picture.mean(axis=2)
    return picture


def _tones(light: np.ndarray) -> np.ndarray:
    """(3, n) float64 of bytes (n, H, W): contrast, brightness of the bright, softness, as `Pictures` tells them."""
    grey = light.astype(np.float32)
    dark, bright, white = np.percentile(grey.reshape(len(grey), -1), [1, 95, 99], axis=1)
    before, after = _energy(grey), _energy(blurred(grey, 1.0))
    softness = np.divide(after, before, out=np.zeros(len(grey)), where=before > 0)
    return np.stack([white - dark, bright, softness]).astype(np.float64)


def _energy(grey: np.ndarray) -> np.ndarray:
    """(n,) float64: the sum of squared slopes."""
    down, right = ((np.diff(grey, axis=axis) ** 2).reshape(len(grey), -1).sum(axis=1) for axis in (1, 2))
    return (down + right).astype(np.float64)


def path_of(value: Any) -> Path | None:
    """The file behind a picture, if it is one."""
    return Path(value) if isinstance(value, str | Path) else None
