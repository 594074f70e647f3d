"""Parquet and Arrow files: columns with types of their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._frames import frame_columns
from thalweg.data._parts import Irregular
from thalweg.data._paths import refuse_misnamed, shown
from thalweg.data._picture_paths import with_paths
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples

MOST_VALUES = 4_000_000_000
"""Rows times columns."""
MOST_ROWS_PER_BYTE = 20_000
"""A page of one repeated value packs many rows into a byte, but not without end."""
MOST_GROUPS = 1_000_000
PART_ROWS = 1 << 16
"""Rows of a part."""


@source("parquet", suffixes=(".parquet", ".pq", ".arrow", ".feather"), table=True, parts=True)
def parquet(asked: Asked) -> Examples:
    """The columns of a Parquet or Arrow file.

    Raises:
        DataRefusal: it is cut off, damaged, claims more than it can hold, or a column is of a type that is not read.
    """
    import pyarrow

    path = asked.given
    parquet_file = path.suffix.casefold() in (".parquet", ".pq")
    refuse_misnamed(path, ("Parquet",) if parquet_file else ("Arrow",))
    try:
        table = _parquet(path) if parquet_file else _arrow(path)
    except (pyarrow.ArrowException, OSError, MemoryError) as error:
        raise _damaged(path, error) from None
    table = table.drop_columns([name for name in asked.data.ignore if name in table.column_names])
    _refuse_types(path, table)
    if not table.num_rows:
        raise DataRefusal(
            "DATA_NO_ROWS",
            f"{shown(path.name)} has 0 rows",
            where=f"{shown(path)}, columns: {shown(', '.join(table.column_names[:12]))}",
            why="there is nothing to learn from",
            fix="give data with rows",
        )
    return Examples(path.stem, with_paths(frame_columns(table), path.parent))


def _parquet(path: Path) -> Any:
    """The table of a Parquet file, after what its footer claims was judged."""
    from pyarrow import parquet as reader

    with reader.ParquetFile(str(path)) as file:
        _refuse_bomb(path, file.metadata)
        return file.read(use_threads=False)


def in_parts(asked: Asked) -> Iterator[Examples]:
    """The same, some rows at a time, of a Parquet file.

    Raises:
        Irregular: it is to be read whole.
    """
    import pyarrow
    from pyarrow import parquet as reader

    path = asked.given
    if path.suffix.casefold() not in (".parquet", ".pq"):
        raise Irregular("an Arrow file")
    refuse_misnamed(path, ("Parquet",))
    try:
        with reader.ParquetFile(str(path)) as file:
            _refuse_bomb(path, file.metadata)
            names = [name for name in file.schema_arrow.names if name not in asked.data.ignore]
            for batch in file.iter_batches(PART_ROWS, columns=names, use_threads=False):
                table = pyarrow.Table.from_batches([batch])
                _refuse_types(path, table)
                yield Examples(path.stem, with_paths(frame_columns(table), path.parent))
    except (pyarrow.ArrowException, OSError, MemoryError):
        raise Irregular("damaged") from None


def _refuse_bomb(path: Path, told: Any) -> None:
    """Raise where a footer claims more than its file can hold."""
    size = path.stat().st_size
    claims = {"rows": told.num_rows, "columns": told.num_columns, "row groups": told.num_row_groups}
    least = sum(told.row_group(i).num_rows for i in range(min(told.num_row_groups, MOST_GROUPS)))
    if (
        told.num_rows * max(told.num_columns, 1) > MOST_VALUES
        or told.num_rows > size * MOST_ROWS_PER_BYTE
        or told.num_row_groups > MOST_GROUPS
        or least != told.num_rows
        or not _chunks_agree(told, size)
    ):
        raise _bomb(path, claims, size)


def _chunks_agree(told: Any, size: int) -> bool:
    """What each column's pages claim fits into the file, and into its rows unless a row holds a list."""
    for i in range(told.num_row_groups):
        group = told.row_group(i)
        for j in range(group.num_columns):
            chunk = group.column(j)
            flat = "." not in chunk.path_in_schema
            if chunk.total_compressed_size > size or (flat and chunk.num_values != group.num_rows):
                return False
    return True


def _arrow(path: Path) -> Any:
    import pyarrow
    from pyarrow import feather

    with pyarrow.memory_map(str(path)):
        return feather.read_table(str(path), memory_map=False)


def _refuse_types(path: Path, table: Any) -> None:
    """Raise where columns are structures, maps and the like; all of them at once."""
    from pyarrow import types

    def odd(kind: Any) -> bool:
        if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
            return odd(kind.value_type)
        if types.is_dictionary(kind):
            return odd(kind.value_type)
        return bool(types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind) or types.is_interval(kind))

    found = {field.name: str(field.type) for field in table.schema if odd(field.type)}
    if found:
        listed = ", ".join(f"{shown(name)} ({shown(kind[:60])})" for name, kind in list(found.items())[:5])
        raise DataRefusal(
            "DATA_COLUMN_TYPE",
            f"{len(found)} column{'s are' if len(found) > 1 else ' is'} of a type that is not read: {listed}",
            where=shown(path),
            why="only numbers, text, dates, truth values and lists of them can be encoded",
            fix="flatten them into columns of their own, or leave them out: --ignore " + ",".join(found),
            details={"columns": found},
        )


def _damaged(path: Path, error: Exception) -> DataRefusal:
    return DataRefusal(
        "DATA_DAMAGED_FILE",
        f"{shown(path.name)} cannot be read: {shown(' '.join(str(error).split())[:160])}",
        where=f"{shown(path)}, {path.stat().st_size:,} bytes",
        why="the file looks cut off or damaged",
        fix="fetch or write it again",
    )


def _bomb(path: Path, claims: dict[str, int], size: int) -> DataRefusal:
    said = ", ".join(f"{count:,} {what}" for what, count in claims.items())
    return DataRefusal(
        "DATA_BOMB",
        f"{shown(path.name)} claims {said} in {size:,} bytes",
        where=shown(path),
        why="what its footer says cannot be, or would fill the memory",
        fix="write it again from the original data",
        details=claims,
    )
