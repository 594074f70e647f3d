"""Pictures: files, Pillow images and arrays read in one documented way into bytes (H, W, C), the same for training and serving.

Read are PNG, JPEG, WebP, BMP, GIF, TIFF and PGM, of several frames the first. A picture is turned upright by its EXIF entry;
what is transparent is laid over white; palettes, CMYK and other colour spaces become RGB; 1 and 16 bits become 8. It is resized
(Pillow's bilinear filter with antialiasing): whole, so that nothing is cut off, or its middle in its proportions where the form
says so; a picture that has the form's sides already stays as it is.
"""

import struct
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
NAMED = "PNG, JPEG, WebP, BMP, GIF, TIFF and PGM"
"""What people call the formats that are read; PBM and PPM are read with PGM."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm")
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"BM", b"GIF8", b"II*\x00", b"MM\x00*", b"P4", b"P5", b"P6")
MOST_PIXELS = 50_000_000
"""Larger pictures are not decoded unless the user says so: a file of some kilobytes can claim gigabytes."""
EVER_DECODED = 178_956_970
"""What Pillow itself calls an error; nobody can ask for more."""
SMALL_ARRAY = 4096
"""Values of an array that is read in less time than it takes to hand it to a thread."""
WAITING = 64
"""Pictures that are decoded, or to be, before they are asked for."""
BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, struct.error, zlib.error)
"""What Pillow raises for damaged files."""
GREY_MODES = ("1", "L", "LA", "La", "I", "F")
Picture = Any
"""A path, a Pillow image, or an array (H, W), (H, W, C) or (C, H, W)."""
T = TypeVar("T")


class Unreadable(Exception):
    """A picture that cannot be read, and why, in a few words."""


@dataclass(frozen=True)
class Form:
    """The form that pictures are brought into.

    Attributes:
        height, width: in pixels.
        channels: 1 grey, 3 RGB; arrays may have others.
        low, high: values of arrays that become 0 and 255.
        crop: share of the shorter side that is kept around the middle; None: the whole picture, stretched to the form.
        most: pixels of a file that is decoded.
    """

    height: int
    width: int
    channels: int
    low: float = 0.0
    high: float = 255.0
    crop: float | None = None
    most: int = MOST_PIXELS


@dataclass(frozen=True)
class Header:
    """What is known of a picture before it is decoded."""

    height: int
    width: int
    channels: int


def each(read: Callable[[Picture], T], pictures: Sequence[Picture]) -> Iterable[T | Unreadable]:
    """What `read` gives for each picture, in order, or why it could not be read.

    Several threads decode at once, `WAITING` pictures ahead of the one that is taken; small arrays are read one by one, as
    threads would only wait for each other.
    """

    def careful(picture: Picture) -> T | Unreadable:
        try:
            return read(picture)
        except Unreadable as reason:
            return reason

    if len(pictures) and isinstance(pictures[0], np.ndarray) and pictures[0].size <= SMALL_ARRAY:
        yield from map(careful, pictures)
        return
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, max(1, torch.get_num_threads()))) as pool:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # judged by MOST_PIXELS instead
        waiting: deque[Future[T | Unreadable]] = deque()
        for picture in pictures:
            waiting.append(pool.submit(careful, picture))
            if len(waiting) > WAITING:
                yield waiting.popleft().result()
        yield from (one.result() for one in waiting)


def header(picture: Picture, *, most: int = MOST_PIXELS) -> Header:
    """Size and channels of a picture, without decoding it.

    Args:
        most: pixels that it may have.

    Raises:
        Unreadable: no picture, or too large a one.
    """
    if isinstance(picture, np.ndarray):
        array = channels_last(picture)
        return Header(array.shape[0], array.shape[1], array.shape[2])
    with _opened(picture, most) as image:
        return Header(image.height, image.width, 1 if _is_grey(image) else 3)


def pixels(picture: Picture, form: Form) -> np.ndarray:
    """The picture as bytes (H, W, C) of a form.

    Raises:
        Unreadable: it is damaged, or coloured where the form is grey.
    """
    if isinstance(picture, np.ndarray):
        return _resized(_fitting(to_bytes(channels_last(picture), form), form.channels), form)
    with _opened(picture, form.most) as image:
        try:
            image.draft(None, (2 * form.width, 2 * form.height))  # JPEG: decode no finer than resizing needs
            array = _eight_bits(ImageOps.exif_transpose(image))
        except BROKEN as error:
            raise Unreadable(f"{_shown(picture)}: {damage(error)}") from None
        try:
            return _resized(_fitting(array, form.channels), form)
        except Unreadable as reason:
            raise Unreadable(f"{_shown(picture)}: {reason}") from None


def damage(error: Exception) -> str:
    """What a decoder says of a picture; where it recognised none, it names only the object that it was given."""
    said = "its beginning is that of no picture" if isinstance(error, UnidentifiedImageError) else str(error)[:60]
    return f"damaged ({said or type(error).__name__})"


def _opened(picture: Picture, most: int) -> Image.Image:
    if isinstance(picture, Image.Image):
        return picture.copy()
    if picture is None:
        raise Unreadable("missing")
    path = Path(picture)
    try:
        if path.stat().st_size == 0:
            raise Unreadable(f"{_shown(path)}: empty")
        image = Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError:
        raise Unreadable(f"{_shown(path)}: {too_many(EVER_DECODED, most)}") from None
    except FileNotFoundError:
        raise Unreadable(f"{_shown(path)}: no such file") from None
    except BROKEN:
        raise Unreadable(f"{_shown(path)}: {_nature(path)}") from None
    if image.width * image.height > most:
        image.close()
        raise Unreadable(f"{_shown(path)}: {too_many(image.width * image.height, most)}")
    return image


def too_many(count: int, most: int) -> str:
    """Why a picture of so many pixels, or more where that is all that is ever decoded, is not decoded."""
    if count >= EVER_DECODED:
        return f"more than {EVER_DECODED:,} pixels, at most {most:,} are decoded (make it smaller)"
    return f"{count:,} pixels, at most {most:,} are decoded (--image-pixels {count})"


def _nature(path: Path) -> str:
    """What a file that is no picture of an accepted format is."""
    try:
        with path.open("rb") as file:
            start = file.read(256)
    except OSError as error:
        return f"cannot be opened ({error.strerror})"
    if start.startswith(SIGNATURES):
        return "damaged (its beginning cannot be read)"
    text = all(byte in b"\t\n\r" or byte >= 32 for byte in start)
    return "not an image (text)" if text else f"none of {NAMED}"


def _shown(path: Picture) -> str:
    return repr(str(path))[1:-1] if isinstance(path, str | Path) else "a picture"


def _is_grey(image: Image.Image) -> bool:
    return image.mode in GREY_MODES or image.mode.startswith("I;")


def _eight_bits(image: Image.Image) -> np.ndarray:
    """A decoded picture as bytes (H, W, 1 or 3)."""
    grey = _is_grey(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    elif image.mode.startswith("I") or image.mode == "F":
        image = _narrowed(np.asarray(image, dtype=np.float64))
    array = np.asarray(image.convert("L" if grey else "RGB"))
    return array if array.ndim == 3 else array[:, :, None]


def _narrowed(values: np.ndarray) -> Image.Image:
    """Values of 16 bits, or floats in [0, 1], as 8 bits; what is no wider than 8 bits stays."""
    if not np.isfinite(values).all():
        raise ValueError("values that are not finite")
    most = values.max(initial=0.0)
    factor = 255.0 if most <= 1.0 else 1.0 if most <= 255.0 else 1 / 257
    return Image.fromarray(np.clip(np.round(values * factor), 0, 255).astype(np.uint8))


def channels_last(array: np.ndarray) -> np.ndarray:
    """A picture as (H, W, C), from (H, W), (H, W, C) or (C, H, W) with 1 or 3 channels."""
    if array.ndim == 2:
        return array[:, :, None]
    if array.ndim != 3:
        raise Unreadable(f"{array.ndim} axes, a picture has 2 or 3")
    if array.shape[0] in (1, 3) and array.shape[2] not in (1, 3, 4):
        return array.transpose(1, 2, 0)
    return array


def to_bytes(values: np.ndarray, form: Form) -> np.ndarray:
    """Values as bytes: bytes as they are, others from the form's low and high to 0 and 255."""
    if values.dtype == np.uint8:
        return values
    if not np.isfinite(values).all():
        raise Unreadable("NaN or infinity in its pixels")
    scaled = (values.astype(np.float64) - form.low) * (255.0 / (form.high - form.low))
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def _fitting(array: np.ndarray, channels: int) -> np.ndarray:
    """Bytes (H, W, C) with the channels asked for: grey becomes RGB, transparency white; colour never becomes grey unsaid."""
    given = array.shape[2]
    if given == channels:
        return array
    if given == 4 and channels == 3:
        alpha = array[:, :, 3:].astype(np.uint16)
        return ((array[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    if given == 1 and channels == 3:
        return np.repeat(array, 3, axis=2)
    if given == 3 and channels == 1 and (array == array[:, :, :1]).all():
        return array[:, :, :1]
    names = {1: "grey", 3: "coloured"}
    was, known = names.get(given, f"of {given} channels"), names.get(channels, f"of {channels} channels")
    raise Unreadable(f"it is {was}, the model knows {known} pictures (convert it, or train on such)")


def _resized(array: np.ndarray, form: Form) -> np.ndarray:
    if array.shape[:2] == (form.height, form.width):
        return array
    size, box = (form.width, form.height), None if form.crop is None else _middle(array.shape, form)
    if array.shape[2] == 3:
        return np.asarray(Image.fromarray(array).resize(size, Image.Resampling.BILINEAR, box=box))
    layers = [Image.fromarray(np.ascontiguousarray(layer)) for layer in array.transpose(2, 0, 1)]
    return np.stack([np.asarray(layer.resize(size, Image.Resampling.BILINEAR, box=box)) for layer in layers], axis=2)


def _middle(shape: Sequence[int], form: Form) -> tuple[float, float, float, float]:
    """The largest rectangle of the form's proportions, shrunk to the share that is kept: left, top, right, bottom."""
    assert form.crop is not None
    height, width = shape[:2]
    scale = form.crop * min(height / form.height, width / form.width)
    across, down = scale * form.width, scale * form.height
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down
