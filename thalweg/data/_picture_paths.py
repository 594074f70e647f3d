"""Columns that hold paths of pictures: meant from where the table lies."""

from collections.abc import Mapping
from pathlib import Path

from thalweg.fields.column import Column
from thalweg.fields.pictures import SUFFIXES

SAMPLE = 20
TRIED = 1000
"""Names that are looked for until one of them is there."""


def with_paths(columns: Mapping[str, Column], folder: Path) -> dict[str, Column]:
    """The columns, those of names of pictures as `Path`s from a folder on; None where a name is missing."""
    return {name: _paths(column, folder) if _are_pictures(column, folder) else column for name, column in columns.items()}


def _are_pictures(column: Column, folder: Path) -> bool:
    """All sampled names end as pictures do, and one of the first files, or of the sampled ones, is there."""
    if not isinstance(column, list):
        return False
    names = [value for value in column[:: max(1, len(column) // SAMPLE)] if value]
    if not names or not all(isinstance(value, str) and value.strip().casefold().endswith(SUFFIXES) for value in names):
        return False
    tried = [*column[:TRIED], *names]
    return any(isinstance(one, str) and len(one) < 4096 and one and (folder / one.strip()).is_file() for one in tried)


def _paths(column: Column, folder: Path) -> Column:
    return [folder / value.strip() if isinstance(value, str) and value.strip() else None for value in column]
