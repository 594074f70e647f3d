"""Images: pictures from files or arrays as bytes (N, C, H, W), standardised per channel when a model reads them."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

from thalweg.core.errors import DataRefusal, UsageRefusal
from thalweg.core.registry import kind
from thalweg.fields.arrays import refuse_others
from thalweg.fields.column import Column, Look, take
from thalweg.fields.encoding import BadRows, Claim, Encoding
from thalweg.fields.pictures import (
    EVER_DECODED,
    MOST_PIXELS,
    NAMED,
    SUFFIXES,
    Form,
    Header,
    Unreadable,
    each,
    header,
    pixels,
    to_bytes,
)
from thalweg.fields.ports import Port
from thalweg.fields.restored import unreadable_encoding
from thalweg.fields.straight import Straight, tensor_of

STATISTICS_ROWS = 2000
"""Mean and deviation of the channels are taken over this many training pictures at most, evenly spaced."""
LARGEST = 128
"""Sides that nobody asked for are no longer than this: a net that learns from nothing has no time for more, and published
weights ask for their own."""
STEP = 8
"""Chosen sides are multiples of this, so that nets can halve them three times."""

COLOURED, PHOTO = 3, 64
"""Coloured pictures from this side on are taken for photos, whose mirror image and cut-outs show the same; digits, letters and
scans, which are small or grey, are left as they are."""

FAINT = 0.05
"""Deviation of a channel, of 1, from which on weights may be scaled in its pixels' place."""
TOLERATED = 0.2
"""Share of the pictures that may be left out because they cannot be read."""


@kind("image", plural="images", given="a picture, several of them, or a folder of them")
class Image(Encoding):
    """Pictures as uint8 (N, C, H, W), of one size and with the channels of the training pictures.

    Given as paths, Pillow images, or arrays: bytes, or floats between the least and largest value of training.
    """

    form: Form
    mean: list[float]
    deviation: list[float]
    wishes: Mapping[str, Any] = {}
    seen: str = ""

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        if look.files:
            known = all(Path(value).suffix.lower() in SUFFIXES for value in look.sample)
            return Claim(0.95 if known else 0.3, "")
        if look.all_are(Pillow.Image):
            return Claim(0.95, "")
        if look.array is None:
            arrays = look.all_are(np.ndarray) and all(one.dtype == np.uint8 and one.ndim in (2, 3) for one in look.sample)
            return Claim(0.8, "") if arrays else None
        if look.array.dtype == np.uint8 and len(look.shape) in (2, 3):
            return Claim(0.9, "")
        colours = len(look.shape) == 3 and (look.shape[-1] in (1, 3, 4) or look.shape[0] in (1, 3))
        return Claim(0.7, "") if colours else None

    @classmethod
    def example(cls) -> list[Column]:
        return [np.arange(4 * 8 * 8 * 3, dtype=np.int64).astype(np.uint8).reshape(4, 8, 8, 3)]

    def check(self, columns: Sequence[Column]) -> None:
        column = columns[0]
        whole = (
            isinstance(column, np.ndarray) and column.dtype.kind in "biuf" and column.ndim in (3, 4) and 0 not in column.shape
        )
        if not whole:
            refuse_others(self.fields[0], column, _no_picture, rows="a path, a Pillow image, or an array of 2 or 3 axes")

    def heed(self, wishes: Mapping[str, Any]) -> Self:
        self.wishes = {key: one for key, one in wishes.items() if key.startswith("image_") and one is not None}
        return self

    def fit(self, columns: Sequence[Column]) -> Self:
        column, side = columns[0], self.wishes.get("image_size")
        most = self.wishes.get("image_pixels") or MOST_PIXELS
        headers = _headers(self.name, column, most)
        height, width = (side, side) if side else _chosen_size(headers)
        channels = self.wishes.get("image_channels") or _channels(headers)
        self.form = Form(height, width, channels, *_levels(column), crop=self.wishes.get("image_crop"), most=most)
        self.seen = _sizes_seen(headers)
        counts = np.zeros((channels, 256), dtype=np.int64)
        for one in each(self._pixels, _evenly(column)):
            if not isinstance(one, Unreadable):
                counts += [np.bincount(one[:, :, channel].ravel(), minlength=256) for channel in range(channels)]
        if not counts.any():
            raise self._bad(dict(enumerate(["damaged"] * len(column))), len(column))
        mean, deviation = _moments(counts)
        self.mean = self._wished("image_mean", mean)
        self.deviation = self._wished("image_deviation", [value if value > 1e-6 else 1.0 for value in deviation])
        return self

    def _wished(self, key: str, found: list[float]) -> list[float]:
        """A number for each channel: as asked, else as found.

        Raises:
            UsageRefusal: as many numbers were asked for as there are channels not, or a deviation that is none.
        """
        asked = self.wishes.get(key)
        if asked is None:
            return found
        if len(asked) == len(found) and (key == "image_mean" or min(asked) > 0):
            return [float(one) for one in asked]
        raise UsageRefusal(
            "IMAGE_STATISTICS",
            f"{key} is {', '.join(map(str, asked))}; the pictures of {self.name} have {len(found)} channels",
            where=f"--set data.{key}",
            why="each channel is taken off its mean and divided by its deviation",
            fix="give one number for each channel (deviations above 0), or leave it out",
        )

    def _pixels(self, picture: Any) -> np.ndarray:
        return pixels(picture, self.form)

    def encode(self, columns: Sequence[Column]) -> Tensor:
        """(N, C, H, W) uint8."""
        column, form = columns[0], self.form
        fitting = _as_they_are(column, form)
        if fitting is not None:
            return torch.from_numpy(np.ascontiguousarray(fitting.transpose(0, 3, 1, 2)))
        stored = np.zeros((len(column), form.channels, form.height, form.width), dtype=np.uint8)
        reasons = {}
        for row, one in enumerate(each(self._pixels, list(column))):
            if isinstance(one, Unreadable):
                reasons[row] = str(one)
            else:
                stored[row] = one.transpose(2, 0, 1)
        if reasons:
            raise self._bad(reasons, len(column))
        return torch.from_numpy(stored)

    def straight(self, columns: Sequence[Column]) -> Straight | None:
        column, form = columns[0], self.form
        fitting = _as_they_are(column, form) if isinstance(column, np.ndarray) and column.dtype == np.uint8 else None
        if fitting is None or min(self.deviation) < FAINT or min(fitting.strides) < 0:
            return None
        bytes_ = tensor_of(fitting).permute(0, 3, 1, 2)  # (N, C, H, W)
        mean, deviation = (np.repeat(values, form.height * form.width) for values in (self.mean, self.deviation))
        return Straight(lambda first, last: bytes_[first:last], 1 / (255 * deviation), -mean / deviation)

    def _bad(self, reasons: dict[int, str], rows: int) -> BadRows:
        return BadRows(
            "DATA_BAD_PICTURES",
            reasons,
            field=self.fields[0],
            rows=rows,
            why=f"pictures are read from {NAMED}; a net of {self.form.channels} channels reads them",
            fix="mend, convert or remove these files; up to a fifth of them is left out unless --on-bad-file refuse",
            tolerated=TOLERATED,
        )

    def decode(self, tensor: Tensor) -> Column:
        """Bytes (B, H, W) if grey, else (B, H, W, C); floats are taken to be what `finish` gives."""
        if tensor.is_floating_point():
            mean, deviation = self._statistics(tensor)
            tensor = ((tensor * deviation + mean) * 255).round().clamp(0, 255).to(torch.uint8)
        array = tensor.detach().cpu().numpy().transpose(0, 2, 3, 1)
        return array[:, :, :, 0] if array.shape[3] == 1 else array

    def loosen(self, tensor: Tensor) -> Tensor:
        return tensor if tensor.is_floating_point() else tensor.float().div_(255)

    def finish(self, tensor: Tensor) -> Tensor:
        loose = self.loosen(tensor)
        mean, deviation = self._statistics(loose)
        return loose.sub_(mean).div_(deviation) if loose is not tensor else (loose - mean) / deviation

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = (like.new_tensor(values).view(-1, 1, 1) for values in (self.mean, self.deviation))
        return mean, deviation

    @property
    def port(self) -> Port:
        return Port(self.name, "image", (self.form.channels, self.form.height, self.form.width))

    @property
    def notes(self) -> list[str]:
        sides = f"{self.form.width} × {self.form.height}"
        colour = {1: "grey", 3: "coloured"}.get(self.form.channels, f"{self.form.channels} channels")
        middle = "" if self.form.crop is None else f" (the middle {self.form.crop:.0%} of the shorter side)".replace("%", " %")
        resized = f"{self.seen}, resized to {sides}{middle}" if self.seen not in ("", sides) else sides
        return [f"{self.name}: {colour}, {resized} pixels; other: --image-size N"]

    @property
    def harmless(self) -> Sequence[str]:
        photo = self.form.channels == COLOURED and min(self.form.height, self.form.width) >= PHOTO
        return ("flip", "resized-crop") if photo else ()

    def state(self) -> dict[str, Any]:
        form = {key: one for key, one in dataclasses.asdict(self.form).items() if (key, one) != ("most", MOST_PIXELS)}
        return {**form, "mean": self.mean, "deviation": self.deviation}

    def encoded_by(self) -> dict[str, Any]:
        return {key: one for key, one in self.state().items() if key not in ("mean", "deviation")}

    def restore(self, state: Mapping[str, Any]) -> Self:
        try:
            sides = [state[key] for key in ("height", "width", "channels")]
            if not all(type(side) is int and 0 < side <= 1 << 16 for side in sides):
                raise ValueError("the sides of a picture are whole numbers above zero")
            height, width, channels = sides
            crop, most = state.get("crop"), state.get("most", MOST_PIXELS)
            if crop is not None and not 0 < float(crop) <= 1:
                raise ValueError("a share lies above 0 and is at most 1")
            if type(most) is not int or not 0 < most <= EVER_DECODED:
                raise ValueError("a number of pixels is whole and above zero")
            self.form = Form(height, width, channels, float(state["low"]), float(state["high"]), crop, most)
            self.mean, self.deviation = ([float(value) for value in state[key]] for key in ("mean", "deviation"))
            whole = len(self.mean) == len(self.deviation) == self.form.channels and self.form.high > self.form.low
        except (KeyError, TypeError, ValueError):
            whole = False
        if not whole:
            raise unreadable_encoding("an image encoding cannot be read", self.name)
        return self


def _moments(counts: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and deviation of each channel, pixels from 0 to 1, of how often each of 256 levels stands in it (C, 256)."""
    level, total = np.arange(256) / 255.0, counts.sum(axis=1)
    mean = (counts * level).sum(axis=1) / total
    variance = (counts * (level - mean[:, None]) ** 2).sum(axis=1) / total
    return mean.tolist(), np.sqrt(variance).tolist()


def _no_picture(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind not in "biuf" or value.ndim not in (2, 3) or 0 in value.shape
    return not (value is None or isinstance(value, str | Path | Pillow.Image))


def _as_they_are(column: Column, form: Form) -> np.ndarray | None:
    """One array of pictures that have the form already, as bytes (N, H, W, C); None where they must be read one by one."""
    if not isinstance(column, np.ndarray) or column.dtype.kind not in "biuf":
        return None
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        return None
    array = column[:, :, :, None] if column.ndim == 3 else column
    return to_bytes(array, form) if array.shape[1:] == (form.height, form.width, form.channels) else None


def _headers(name: str, column: Column, most: int) -> list[Header]:
    """The headers of all pictures that have one."""
    if len(column) and all(isinstance(one, np.ndarray) and one.shape == column[0].shape for one in column):
        return [header(column[0])] * len(column)
    found = list(each(partial(header, most=most), list(column)))
    good = [one for one in found if not isinstance(one, Unreadable)]
    if good:
        return good
    raise DataRefusal(
        "DATA_BAD_PICTURES",
        f'none of the {len(column):,} pictures of "{name}" can be read: {found[0]}',
        where=f"field {name}",
        why=f"pictures are read from {NAMED}, and from arrays",
        fix="convert them to one of these",
    )


def _chosen_size(headers: list[Header]) -> tuple[int, int]:
    """One size for all: their own where they share one that is not too large, else a square of the median shorter side."""
    sizes = {(one.height, one.width) for one in headers}
    if len(sizes) == 1 and max(next(iter(sizes))) <= LARGEST:
        return next(iter(sizes))
    median = float(np.median([min(one.height, one.width) for one in headers]))
    side = max(STEP, min(LARGEST, int(median) // STEP * STEP))
    return side, side


def _sizes_seen(headers: list[Header]) -> str:
    """The size of all pictures, or the range of their sizes."""
    sizes = sorted({(one.width, one.height) for one in headers}, key=lambda size: (size[0] * size[1], size))
    least, most = sizes[0], sizes[-1]
    first = f"{least[0]} × {least[1]}"
    return first if len(sizes) == 1 else f"{first} to {most[0]} × {most[1]}"


def _channels(headers: list[Header]) -> int:
    """RGB where any picture is coloured; arrays keep the channels they have, without transparency."""
    most = max(one.channels for one in headers)
    return 3 if most == 4 else most


def _levels(column: Column) -> tuple[float, float]:
    """Values of arrays that become 0 and 255: [0, 1] and [0, 255] where values lie so, else from the least to the largest."""
    arrays = [one for one in _evenly(column) if isinstance(one, np.ndarray) and one.dtype != np.uint8]
    if not arrays:
        return 0.0, 255.0
    values = np.concatenate([one[np.isfinite(one)].ravel() for one in arrays])
    low, high = float(min(values.min(initial=0.0), 0.0)), float(values.max(initial=0.0))
    if low == 0.0 and (high <= 1.0 or 128.0 <= high <= 255.0):
        return 0.0, 1.0 if high <= 1.0 else 255.0
    return low, max(high, low + 1.0)


def _evenly(column: Column) -> list[Any]:
    """At most STATISTICS_ROWS values of the column, evenly spaced."""
    count = min(len(column), STATISTICS_ROWS)
    return list(take(column, [i * len(column) // count for i in range(count)]))
