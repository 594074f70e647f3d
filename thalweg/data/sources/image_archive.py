"""A zip of pictures laid out in folders of classes, read in memory: nothing is written to disk."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from thalweg.core.disk import digest_of
from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._archive import LIMIT_BYTES, opened_zip, zip_content, zip_members
from thalweg.data._class_folders import Layout, lay_out
from thalweg.data._paths import shown
from thalweg.data._source import Asked
from thalweg.data._unread import endings, mostly_unread
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.data.sources.images import examples_of_layout
from thalweg.fields.pictures import BROKEN, FORMATS, MOST_PIXELS, Form, Unreadable, damage, header, pixels, too_many

TOLERATED = 0.2
"""The share of broken pictures above which the archive is refused."""


def recognises(path: Path) -> int:
    """A zip that nobody else is sure of holds pictures."""
    return 1


@source("image-archive", suffixes=(".zip",), content=("zip",))
def image_archive(asked: Asked) -> Examples:
    """Pictures of a zip as bytes (H, W[, 3]) in `image`, their folders' names in `class`.

    Raises:
        DataRefusal: an unsafe or damaged archive, folders that do not say the classes, or too many broken pictures.
    """
    return examples_of_zip(asked.given, asked.given.stem, asked.data)


def examples_of_zip(path: Path, name: str, data: DataSettings) -> Examples:
    """Examples of the pictures in a zip; one array (N, H, W[, 3]) where all are of one size."""
    try:
        with opened_zip(path) as archive:
            files, folders = zip_members(archive, path)
            layout = lay_out(files, folders, path.name)
            if not layout.rows:
                raise _no_pictures(path, files)
            pictures = list(_pictures(archive, layout, path, most=data.image_pixels or MOST_PIXELS))
    except zipfile.BadZipFile as error:
        why = "the archive looks cut off or damaged"
        raise DataRefusal(
            "DATA_DAMAGED_FILE", f"{shown(path.name)}: {error}", where=shown(path), why=why, fix="fetch it again"
        ) from None
    layout, read = _without_broken(layout, pictures, data)
    examples = examples_of_layout(name, layout, read)
    if len({picture.shape for picture in read}) == 1:
        examples.columns["image"] = np.stack(read)
    examples.facts["digest"] = f"sha256:{digest_of(path.resolve(), limit=LIMIT_BYTES, refusal=DataRefusal)[1]}"
    return examples


def _pictures(archive: zipfile.ZipFile, layout: Layout, path: Path, *, most: int) -> Iterator[np.ndarray | Unreadable]:
    for row in layout.rows:
        try:
            yield _picture(zip_content(archive, row.file, path), most)
        except Unreadable as reason:
            yield reason


def _picture(content: bytes, most: int) -> np.ndarray:
    """A picture in its own size as bytes (H, W) or (H, W, 3), read as those of files are.

    Raises:
        Unreadable: it is damaged, of another format, or too large.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > most:
                raise Unreadable(too_many(image.width * image.height, most))
            upright = header(image)
            array = pixels(image, Form(upright.height, upright.width, upright.channels))
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise Unreadable(damage(error)) from None
    return array[:, :, 0] if array.shape[2] == 1 else array


def _without_broken(
    layout: Layout, pictures: list[np.ndarray | Unreadable], data: DataSettings
) -> tuple[Layout, list[np.ndarray]]:
    """The layout and pictures without those that could not be read, if these are few.

    Raises:
        DataRefusal: more than a fifth is broken, or the user wants none to be left out.
    """
    broken = [(row, picture) for row, picture in zip(layout.rows, pictures, strict=True) if isinstance(picture, Unreadable)]
    read = [picture for picture in pictures if isinstance(picture, np.ndarray)]
    if not broken:
        return layout, read
    said = "; ".join(f"{shown(row.file)}: {reason}" for row, reason in broken[:5])
    if data.on_bad_file == "refuse" or len(broken) > TOLERATED * len(pictures):
        raise DataRefusal(
            "DATA_BAD_PICTURES",
            f"{len(broken):,} of {len(pictures):,} pictures cannot be read",
            where=said,
            why="a picture that cannot be read teaches nothing",
            fix="mend or remove them; up to a fifth is left out unless --on-bad-file refuse",
            details={"files": [str(row.file) for row, _ in broken]},
        )
    rows = [row for row, picture in zip(layout.rows, pictures, strict=True) if not isinstance(picture, Unreadable)]
    return Layout(rows, [*layout.notes, f"{len(broken):,} pictures left out that cannot be read: {said}"]), read


def _no_pictures(path: Path, files: Sequence[PurePosixPath]) -> DataRefusal:
    held = mostly_unread(files)
    what = f"{held[0]}, which is not read yet" if held else "no pictures, and not one table alone"
    return DataRefusal(
        "DATA_NO_TABLE",
        f"{shown(path.name)} holds {what}",
        where=f"{len(files):,} files: {shown(endings(files))}",
        why="of zip archives, those of pictures in folders of classes are read, and those of one table",
        fix=held[1] if held else "unpack it and give the table or folder inside",
    )
