"""Defects planted in photos, texts and series."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from check_plants import Plant, Planted, chosen, halves, having, put, with_rows
from PIL import Image, ImageFilter

from thalweg.data.dataset import Examples

SENTENCES = {
    "de": "Ich habe den Film gestern mit meiner Schwester gesehen und er war nicht so gut wie die anderen",
    "fr": "Je ne sais pas pourquoi il est parti sans nous dire où il va avec les autres",
    "es": "No me gusta la película porque el actor no es muy bueno pero la música está bien",
    "ru": "Мне очень понравился этот фильм потому что он не похож на другие",
}


def _image(value: Any) -> Image.Image:
    return Image.open(value).convert("RGB") if isinstance(value, Path) else Image.fromarray(np.asarray(value))


def _kept(image: Image.Image, like: Any, folder: Path, number: int) -> Any:
    """The picture in the form of its set: a file, or an array of the same sides."""
    if isinstance(like, Path):
        path = folder / f"planted{number}.jpg"
        image.convert("RGB").save(path, quality=92)
        return path
    return np.asarray(image.resize((like.shape[1], like.shape[0]), Image.Resampling.BILINEAR)).reshape(like.shape)


def pictures(change: Callable[[Image.Image, np.random.Generator], Image.Image], *, added: bool) -> Callable[..., Planted]:
    """Some pictures changed, or changed copies of them added at the end."""

    def spoil(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
        rows = chosen(examples, share, draw)
        made, numbers = with_rows(examples, rows) if added else (examples, rows.tolist())
        folder = Path(tempfile.mkdtemp(prefix="thalweg-planted-"))
        column = list(made.columns["image"])
        for number in numbers:
            column[number] = _kept(change(_image(column[number]), draw), column[number], folder, number)
        values = column if isinstance(column[0], Path) else np.stack(column)
        return Planted(having(made, image=values), numbers)

    return spoil


def copied(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Rescaled (small ones up), recompressed, perhaps cropped or (uncropped) mirrored."""
    width, height = image.size
    share = draw.choice([0.0, draw.uniform(0.05, 0.15)])
    if not share and draw.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    left, top = draw.uniform(0, share, 2)
    image = image.crop(
        (round(left * width), round(top * height), round((1 - share + left) * width), round((1 - share + top) * height))
    )
    factor = draw.uniform(0.6, 1.0) if width >= 64 else draw.uniform(1.0, 2.0)
    image = image.resize((max(8, round(image.width * factor)), max(8, round(image.height * factor))), Image.Resampling.BILINEAR)
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=int(draw.integers(40, 91)))
    return Image.open(packed).copy()


def blank(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    return Image.fromarray(np.full_like(np.asarray(image), int(draw.integers(0, 256))))


def dark(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    return Image.fromarray((np.asarray(image) * 0.1).astype(np.uint8))


def blurred(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(max(1.2, 0.02 * image.width)))


def files(kind: str) -> Callable[..., Planted | None]:
    """Files cut off, emptied, replaced by text, or with another extension."""

    def spoil(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
        column = list(examples.columns["image"])
        if not isinstance(column[0], Path):
            return None
        rows, folder = chosen(examples, share, draw), Path(tempfile.mkdtemp(prefix="thalweg-planted-"))
        for row in rows.tolist():
            content = column[row].read_bytes()
            if kind == "broken":
                content = [content[: len(content) // 2], b"", b"no picture at all\n"][int(draw.integers(3))]
            suffix = column[row].suffix if kind == "broken" else ".gif"
            column[row] = folder / f"planted{row}{suffix}"
            column[row].write_bytes(content)
        return Planted(having(examples, image=column), rows.tolist())

    return spoil


def texts(
    change: Callable[[str, list[str], np.random.Generator], str], *, added: bool, least: int = 0
) -> Callable[..., Planted]:
    """Some texts changed, or changed copies of them added at the end."""

    def spoil(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
        long_enough = np.flatnonzero([len(text.split()) >= least for text in examples.columns["text"]])
        rows = draw.choice(long_enough, max(5, round(share * len(examples))), replace=False)
        made, numbers = with_rows(examples, rows) if added else (examples, rows.tolist())
        every = list(made.columns["text"])
        found = [change(every[number], every, draw) for number in numbers]
        return Planted(having(made, text=put(every, np.asarray(numbers), found)), numbers)

    return spoil


def reworded(text: str, every: list[str], draw: np.random.Generator) -> str:
    """One or two words changed or left out, or another case and punctuation."""
    words = text.split()
    for _ in range(int(draw.integers(1, 3))):
        place = int(draw.integers(len(words)))
        other = every[int(draw.integers(len(every)))].split()
        words[place] = other[int(draw.integers(len(other)))] if other else "so"
    made = " ".join(words)
    return [made, made.upper(), made + " !"][int(draw.integers(3))]


def misread(text: str, every: list[str], draw: np.random.Generator) -> str:
    return (text[: len(text) // 2] + " café “naïve” " + text[len(text) // 2 :]).encode().decode("latin-1")


def series(change: Callable[[np.ndarray, np.random.Generator], np.ndarray], *, added: bool) -> Callable[..., Planted]:
    """Some series changed, or changed copies of them added at the end."""

    def spoil(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
        rows = chosen(examples, share, draw)
        made, numbers = with_rows(examples, rows) if added else (examples, rows.tolist())
        column = np.array(made.columns["series"])
        for number in numbers:
            column[number] = change(column[number], draw)
        return Planted(having(made, series=column), numbers)

    return spoil


def moved(one: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    steps = int(draw.integers(1, max(2, round(0.08 * len(one)))))
    return np.concatenate([np.repeat(one[:1], steps, axis=0), one[:-steps]])


def darker_test(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    """The test part's photos are 20 % darker."""
    made, folder = halves(examples, draw), Path(tempfile.mkdtemp(prefix="thalweg-planted-"))
    column = list(made.columns["image"])
    for row in made.given["test"].tolist():
        column[row] = _kept(Image.eval(_image(column[row]), lambda value: int(0.8 * value)), column[row], folder, row)
    return Planted(having(made, image=column if isinstance(column[0], Path) else np.stack(column)))


def shorter_test(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    """The test part's texts are cut to 60 % of their words."""
    made = halves(examples, draw)
    column = list(made.columns["text"])
    for row in made.given["test"].tolist():
        words = column[row].split()
        column[row] = " ".join(words[: max(1, round(0.6 * len(words)))])
    return Planted(having(made, text=column))


RICH = {
    "photos rescaled, recompressed, cropped": Plant(
        pictures(copied, added=True), ("alike-photos",), ("ALIKE_PHOTOS",), ("photos",), apart=True
    ),
    "blank photos": Plant(pictures(blank, added=False), ("photo-defects",), ("PHOTOS_BLANK",), ("photos",)),
    "dark photos": Plant(pictures(dark, added=False), ("photo-defects",), ("PHOTOS_DARK",), ("photos",)),
    "blurred photos": Plant(pictures(blurred, added=False), ("photo-defects",), ("PHOTOS_BLURRED",), ("photos",)),
    "broken files": Plant(files("broken"), ("broken-files",), ("FILES_BROKEN",), ("photos",)),
    "wrong extension": Plant(files("misnamed"), ("broken-files",), ("FILES_MISNAMED",), ("photos",)),
    "texts with a word or two changed": Plant(
        texts(reworded, added=True, least=6),
        ("edited-texts", "duplicates"),
        ("EDITED_TEXTS", "DUPLICATES"),
        ("texts",),
        apart=True,
    ),
    "empty texts": Plant(texts(lambda text, every, draw: " ...", added=False), ("text-defects",), ("TEXT_EMPTY",), ("texts",)),
    "very long texts": Plant(
        texts(lambda text, every, draw: " ".join(every[:80]), added=False), ("text-defects",), ("TEXT_LONG",), ("texts",)
    ),
    "wrong encoding": Plant(texts(misread, added=False), ("text-defects",), ("TEXT_ENCODING",), ("texts",)),
    "another language": Plant(
        texts(lambda text, every, draw: SENTENCES[str(draw.choice(list(SENTENCES)))], added=False),
        ("text-language",),
        ("TEXT_LANGUAGE",),
        ("texts",),
    ),
    "moved series": Plant(series(moved, added=True), ("moved-series",), ("MOVED_SERIES",), ("series",), apart=True),
    "darker photos in the test": Plant(darker_test, ("shift",), ("SHIFT",), ("photos",)),
    "shorter texts in the test": Plant(shorter_test, ("shift",), ("SHIFT",), ("texts",)),
    "flat series": Plant(
        series(lambda one, draw: np.full_like(one, one.mean()), added=False), ("series-defects",), ("SERIES_FLAT",), ("series",)
    ),
    "series ×1000": Plant(
        series(lambda one, draw: one * 1000.0, added=False), ("series-defects",), ("SERIES_SCALE",), ("series",)
    ),
}
"""By name, what is planted in photos, texts and series."""
