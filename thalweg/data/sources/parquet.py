"""Parquet and Arrow files: columns with types of their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thalweg.core.errors import DataRefusal
from thalweg.core.loading import load_arrow
from thalweg.core.registry import source
from thalweg.data._columnar_claims import refuse_arrow_bomb, refuse_long_texts, refuse_parquet_bomb
from thalweg.data._frames import frame_columns
from thalweg.data._parts import Irregular
from thalweg.data._paths import refuse_misnamed, shown
from thalweg.data._picture_paths import with_paths
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples

PART_ROWS = 1 << 16
"""Rows of a part."""


@source("parquet", suffixes=(".parquet", ".pq", ".arrow", ".feather"), table=True, parts=True)
def parquet(asked: Asked) -> Examples:
    """The columns of a Parquet or Arrow file.

    Raises:
        DataRefusal: it is cut off, damaged, claims more than it can hold, or a column is of a type that is not read.
    """
    load_arrow()
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
        refuse_parquet_bomb(path, file.metadata)
        return file.read(use_threads=False)


def in_parts(asked: Asked) -> Iterator[Examples]:
    """The same, some rows at a time, of a Parquet file.

    Raises:
        Irregular: it is to be read whole.
    """
    load_arrow()
    import pyarrow
    from pyarrow import parquet as reader

    path = asked.given
    if path.suffix.casefold() not in (".parquet", ".pq"):
        raise Irregular("an Arrow file")
    refuse_misnamed(path, ("Parquet",))
    try:
        with reader.ParquetFile(str(path)) as file:
            refuse_parquet_bomb(path, file.metadata)
            names = [name for name in file.schema_arrow.names if name not in asked.data.ignore]
            for batch in file.iter_batches(PART_ROWS, columns=names, use_threads=False):
                table = pyarrow.Table.from_batches([batch])
                _refuse_types(path, table)
                yield Examples(path.stem, with_paths(frame_columns(table), path.parent))
    except (pyarrow.ArrowException, OSError, MemoryError):
        raise Irregular("damaged") from None


def _arrow(path: Path) -> Any:
    import pyarrow
    from pyarrow import feather

    refuse_arrow_bomb(path)
    with pyarrow.memory_map(str(path)):
        table = feather.read_table(str(path), memory_map=False)
    refuse_long_texts(path, table)
    return table


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
