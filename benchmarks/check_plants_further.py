"""Further defects of the same families, thought of after the detectors were written."""

import dataclasses
import hashlib
import re

import numpy as np
from check_plants import (
    NEAR,
    NEAR_CODES,
    Plant,
    Planted,
    chosen,
    having,
    numbers_of,
    put,
    target_of,
    unit,
    with_rows,
    words_of,
)
from check_plants_rich import pictures, series, texts
from PIL import Image

from thalweg.data.dataset import Examples


def told_in_words(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    """The target once more: classes each in three spellings, numbers with four digits and a unit."""
    target = examples.columns[str(target_of(examples))]
    if isinstance(target, np.ndarray) and len(np.unique(target)) > 20:
        return Planted(having(examples, planted=[f"{value:.4g} EUR" for value in target.tolist()]), field="planted")
    code = {one: f"group {i}" for i, one in enumerate(sorted(set(map(str, target))))}
    ways = [lambda word: word, str.upper, lambda word: word.replace("group ", "g-")]
    planted = [ways[int(draw.integers(3))](code[str(one)]) for one in target]
    return Planted(having(examples, planted=planted), field="planted")


def copies_under_hashes(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    """Copies of rows, every row under a hash of its own."""
    made, numbers = with_rows(examples, chosen(examples, share, draw))
    salt = int(draw.integers(1 << 30))
    codes = [hashlib.sha256(f"{salt} {row}".encode()).hexdigest() for row in range(len(made))]
    return Planted(having(made, record=codes), numbers)


def missing_in_words(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    """Missing spelt in words and signs, in one column."""
    names = [*numbers_of(examples), *words_of(examples)]
    name = names[draw.integers(len(names))]
    rows = chosen(examples, share, draw)
    words = draw.choice(["unknown", "-", "?", "not available"], len(rows)).tolist()
    words[:3] = ["unknown", "-", "?"]
    return Planted(having(examples, **{name: put(examples.columns[name], rows, words)}), rows.tolist(), name)


def unit_of_one_site(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    """One site of several writes a column in another unit."""
    planted = unit([1000.0, 100.0, 60.0])(examples, share, draw)
    if planted is None:
        return None
    site = put(
        draw.choice(["north", "south", "east"], len(examples)).tolist(), np.asarray(planted.rows), ["west"] * len(planted.rows)
    )
    return dataclasses.replace(planted, examples=having(planted.examples, place=site))


def stretch_again(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    """A stretch of rows that stands once more, later, with times and numbers of its own."""
    count = max(5, round(share * len(examples)))
    start = int(draw.integers(len(examples) - count))
    made, numbers = with_rows(examples, np.arange(start, start + count))
    days = np.datetime64("2021-03-01T00:00") + 7 * np.arange(len(made)).astype("timedelta64[m]")
    return Planted(having(made, measured=[str(day) for day in days], entry=np.arange(len(made)) + 1.0), numbers)


def one_moment_in_two_zones(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    """Some rows are of the moment before them, written in another time zone."""
    minutes = np.cumsum(draw.integers(1, 90, len(examples)))
    rows = np.setdiff1d(chosen(examples, share, draw), [0])
    minutes[rows] = minutes[rows - 1]
    zones = np.zeros(len(examples), int)
    zones[rows] = 2
    times = [
        np.datetime64("2020-01-01T00:00") + np.timedelta64(int(m) + 60 * int(z), "m")
        for m, z in zip(minutes, zones, strict=True)
    ]
    written = [f"{time}:00+{zone:02d}:00" for time, zone in zip(times, zones.tolist(), strict=True)]
    return Planted(having(examples, measured=written), rows.tolist(), "measured")


def turned(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    return image.rotate(float(draw.choice([-1, 1]) * draw.uniform(2, 5)), resample=Image.Resampling.BILINEAR)


def relit(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    factor = draw.choice([0.5, 0.7, 1.3, 1.6])
    return Image.eval(image, lambda value: min(255, int(factor * value)))


def washed_out(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    return Image.fromarray((255 - 0.06 * (255 - np.asarray(image, dtype=np.float64))).astype(np.uint8))


def swapped(text: str, every: list[str], draw: np.random.Generator) -> str:
    """Its sentences, or halves, in another order."""
    parts = re.split(r"(?<=[.!?;,])\s+", text)
    if len(parts) < 2:
        words = text.split()
        parts = [" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])]
    return " ".join(parts[1:] + parts[:1])


def misread_otherwise(text: str, every: list[str], draw: np.random.Generator) -> str:
    """Umlauts of UTF-8 read as cp1252, Cyrillic read as Latin-1, or what could not be read as question marks in diamonds."""
    kind = int(draw.integers(3))
    added = [" Zürich größer ", " привет мир ", " caf\ufffd na\ufffdve "][kind]
    if kind < 2:
        added = added.encode().decode("cp1252" if kind == 0 else "latin-1")
    return text[: len(text) // 2] + added + text[len(text) // 2 :]


def louder(one: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return draw.uniform(0.5, 3.0) * one + draw.normal() * one.std()


FURTHER = {
    "target in other words": Plant(
        told_in_words, ("target-in-disguise", "gives-it-away"), ("TARGET_IN_DISGUISE", "GIVES_IT_AWAY")
    ),
    "copies under hashes": Plant(copies_under_hashes, ("duplicates",), ("DUPLICATES",), ("table", "texts", "series")),
    "missing in words and signs": Plant(
        missing_in_words, ("missing-spellings", "mixed-types"), ("MISSING_SPELLINGS", "TYPES_MIXED")
    ),
    "another unit in one site": Plant(unit_of_one_site, ("unit-change",), ("UNIT_CHANGE",)),
    "a stretch of rows again": Plant(stretch_again, NEAR, NEAR_CODES),
    "one moment in two time zones": Plant(one_moment_in_two_zones, ("time-order",), ("TIME_TWICE",)),
    "photos turned by 2 to 5 degrees": Plant(pictures(turned, added=True), ("alike-photos",), ("ALIKE_PHOTOS",), ("photos",)),
    "photos brighter or darker": Plant(pictures(relit, added=True), ("alike-photos",), ("ALIKE_PHOTOS",), ("photos",)),
    "photos washed out": Plant(
        pictures(washed_out, added=False), ("photo-defects",), ("PHOTOS_BLANK", "PHOTOS_BRIGHT"), ("photos",)
    ),
    "texts with sentences swapped": Plant(
        texts(swapped, added=True, least=6), ("edited-texts", "duplicates"), ("EDITED_TEXTS", "DUPLICATES"), ("texts",)
    ),
    "other wrong encodings": Plant(texts(misread_otherwise, added=False), ("text-defects",), ("TEXT_ENCODING",), ("texts",)),
    "louder copies of series": Plant(
        series(louder, added=True), ("moved-series", "duplicates"), ("MOVED_SERIES", "DUPLICATES"), ("series",)
    ),
}
"""By name; not among those whose mean is stated."""
