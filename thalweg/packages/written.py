"""Predictions as files: CSV, JSON, NPZ, and pictures as one sheet and single files.

Text that a spreadsheet would run as a formula is made plain with an apostrophe.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core import files
from thalweg.core.disk import refusing
from thalweg.core.errors import UsageRefusal
from thalweg.core.manifest import shown as printable
from thalweg.core.strict_json import render_json
from thalweg.fields.encoding import Column

SUFFIXES = (".csv", ".json", ".npz", ".png")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First signs of a cell that spreadsheets take for a formula (CVE-2022-24770)."""
SHEET = 100
"""Pictures on a sheet, at most."""
LEGIBLE = 96
"""Pixels that the longer side of a picture on the sheet comes to, where it is smaller."""


def refuse_unwritable(path: Path, *, force: bool = False) -> None:
    """Return if predictions can be written under that name, before anything is computed.

    Raises:
        UsageRefusal: a suffix of another kind of file, or something stands there.
    """
    if path.suffix.casefold() not in SUFFIXES:
        raise UsageRefusal(
            "OUT_UNKNOWN_FORMAT",
            f'predictions are not written as "{path.suffix or path.name}"',
            where=f"--out {path}",
            why="the suffix says how they are written",
            fix=f"end it in {', '.join(SUFFIXES[:-1])}, or {SUFFIXES[-1]} for pictures",
        )
    if path.is_dir() or (path.exists() and not force):
        raise UsageRefusal(
            "OUT_EXISTS",
            f"{path} stands there already",
            where=f"--out {path}",
            why="nothing is written over unless that is said",
            fix="choose another name" + ("" if path.is_dir() else ", or --force"),
        )


def write_columns(path: Path, columns: Mapping[str, Column], names: Mapping[str, Sequence[str]] | None = None) -> list[Path]:
    """Write columns in the form that the suffix says; returns the files written.

    Args:
        names: what the values in a row of a column are called, for tables.

    Raises:
        UsageRefusal: pictures are asked for, and no column holds any.
        ResourceRefusal: the system refused.
    """
    with refusing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix.casefold()
    if suffix == ".png":
        return _write_pictures(path, columns)
    if suffix == ".json":
        files.write_json(path, {name: [plain(value) for value in column] for name, column in columns.items()})
    elif suffix == ".npz":
        packed = io.BytesIO()
        arrays: dict[str, Any] = {name: _array(column) for name, column in columns.items()}
        np.savez_compressed(packed, **arrays)
        files.write_bytes(path, packed.getvalue())
    else:
        files.write_text(path, csv_text(columns, names))
    return [path]


def csv_text(columns: Mapping[str, Column], names: Mapping[str, Sequence[str]] | None = None) -> str:
    """Columns as CSV, the names first; lists and arrays as JSON, formulas made plain.

    Args:
        names: what the values in a row of a column are called: each gets a column of its own.
    """
    text, columns = io.StringIO(), _apart(columns, names or {})
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([cell(name) for name in columns])
    writer.writerows(zip(*map(_cells, columns.values()), strict=True))
    return text.getvalue()


def _cells(column: Column) -> list[str]:
    """Each value as `cell` has it; numbers at once, and each different word once."""
    if not isinstance(column, np.ndarray) or column.ndim != 1 or column.dtype.kind not in "iufU":
        return [cell(value) for value in column]
    values = column.tolist()
    if column.dtype.kind == "f" and np.isfinite(column).all():
        return [f"{value:.6g}" for value in values]
    shown = {value: cell(value) for value in set(values)}
    return [shown[value] for value in values]


def _apart(columns: Mapping[str, Column], names: Mapping[str, Sequence[str]]) -> dict[str, Column]:
    """The columns, those (n, k) whose k values have names taken apart."""
    apart: dict[str, Column] = {}
    for name, column in columns.items():
        array, inner = np.asarray(column) if name in names else np.empty(0), names.get(name, ())
        fits = array.ndim == 2 and array.shape[1] == len(inner) and len({*inner, *columns}) == len(inner) + len(columns)
        apart |= dict(zip(inner, array.T, strict=True)) if fits else {name: column}
    return apart


def cell(value: Any) -> str:
    """A value as a cell of a table; text that would be run as a formula begins with an apostrophe."""
    shown = plain(value)
    if shown is None:
        return ""
    if isinstance(shown, str):
        return f"'{shown}" if shown.startswith(FORMULA) else shown
    if isinstance(shown, float):
        return f"{shown:.6g}"
    if isinstance(shown, list | dict):
        return render_json(_shortened(shown)).decode()
    return str(shown)


def table_lines(columns: Mapping[str, Column], *, rows: int, width: int) -> list[str]:
    """The first rows as people read them, cut to the width, with how many more there are."""
    names = list(columns)
    total = len(next(iter(columns.values())))
    body = [[_brief(column[i]) for column in columns.values()] for i in range(min(rows, total))]
    widths = [max(len(name), *(len(line[i]) for line in body)) for i, name in enumerate(names)]
    lines = ["  ".join(text.ljust(size) for text, size in zip(line, widths, strict=True)).rstrip() for line in [names, *body]]
    cut = [line if len(line) <= width else line[: width - 1] + "…" for line in lines]
    return [*cut, *([f"... and {total - rows:,} more: --out predictions.csv writes all"] if total > rows else [])]


def texts_told(columns: Mapping[str, Column]) -> list[str]:
    """All lines of texts, a blank one between them, where the answers are nothing else and some have several; else nothing."""
    texts = [one for column in columns.values() for one in column] if len(columns) == 1 else []
    if not all(isinstance(one, str) for one in texts) or not any("\n" in one for one in texts):
        return []
    lines = [line for one in texts for line in ["", *map(printable, one.rstrip("\n").split("\n"))]]
    return lines[1:]


def plain(value: Any) -> Any:
    """A value as JSON holds it; what is not finite is null."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | list | dict | None) else str(value)


def pictures(columns: Mapping[str, Column]) -> dict[str, np.ndarray]:
    """The columns that hold pictures: bytes (n, H, W) or (n, H, W, 1, 3 or 4)."""
    found = {}
    for name, column in columns.items():
        array = np.asarray(column) if isinstance(column, np.ndarray) else None
        if (
            array is None
            or array.dtype != np.uint8
            or not (array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 3, 4)))
        ):
            continue
        found[name] = array[..., 0] if array.ndim == 4 and array.shape[3] == 1 else array
    return found


def pictures_told(found: Mapping[str, np.ndarray]) -> list[str]:
    """A sentence on each column of pictures: how many, of what size."""
    told = []
    for name, array in found.items():
        count, height, width = array.shape[:3]
        colour = "grey" if array.ndim == 3 else "coloured"
        told.append(f"{name}: {count:,} {colour} picture{'s' if count != 1 else ''} of {width} × {height} pixels")
    return told


def _write_pictures(path: Path, columns: Mapping[str, Column]) -> list[Path]:
    """One sheet of all pictures at the path, and each alone in the folder of the same name."""
    found = pictures(columns)
    if not found:
        raise UsageRefusal(
            "OUT_NO_PICTURES",
            f"no predicted column holds pictures: {', '.join(columns)}",
            where=f"--out {path}",
            why="only pictures can be written as one",
            fix=f"--out {path.with_suffix('.csv')}",
        )
    several = len(found) > 1
    made = []
    for name, array in found.items():
        sheet = path.with_stem(f"{path.stem}-{name}") if several else path
        files.write_bytes(sheet, _png(_grid(_enlarged(array[:SHEET]))))
        folder = sheet.with_suffix("")
        folder.mkdir(exist_ok=True)
        singles = [folder / f"{i:0{len(str(len(array)))}}.png" for i in range(len(array))]
        for file, picture in zip(singles, array, strict=True):
            files.write_bytes(file, _png(picture))
        made += [sheet, *singles]
    return made


def _enlarged(array: np.ndarray) -> np.ndarray:
    """Pictures of a few pixels with each of them repeated, so that people see them; larger ones as they are."""
    times = max(1, LEGIBLE // max(array.shape[1:3]))
    return array.repeat(times, axis=1).repeat(times, axis=2)


def _grid(array: np.ndarray) -> np.ndarray:
    """Pictures (n, H, W[, C]) side by side on a near-square white sheet, one pixel apart."""
    n, height, width = array.shape[:3]
    across = math.ceil(math.sqrt(n))
    down = math.ceil(n / across)
    sheet = np.full((down * (height + 1) + 1, across * (width + 1) + 1, *array.shape[3:]), 255, dtype=np.uint8)
    for i, picture in enumerate(array):
        top, left = (i // across) * (height + 1) + 1, (i % across) * (width + 1) + 1
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(picture).save(written, "PNG")
    return written.getvalue()


def _array(column: Column) -> np.ndarray:
    """A column as an array without Python objects: ragged lists as their JSON text."""
    if isinstance(column, np.ndarray) and column.dtype != object:
        return column
    try:
        array = np.asarray([plain(value) for value in column])
    except ValueError:
        array = np.asarray([cell(value) for value in column])
    return array if array.dtype != object else np.asarray([cell(value) for value in column])


def _brief(value: Any) -> str:
    shown = plain(value)
    if isinstance(shown, list):
        head = ", ".join(_brief(one) for one in shown[:4])
        return f"[{head}{', ...' if len(shown) > 4 else ''}]"
    if isinstance(shown, float):
        return f"{shown:.4g}"
    text = printable(cell(shown))
    return text if len(text) <= 40 else text[:39] + "…"


def _shortened(value: Any) -> Any:
    """Floats in six figures, as a table shows them."""
    if isinstance(value, list):
        return [_shortened(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
