"""What Parquet and Arrow files claim to hold, judged before memory is taken for it.

A value that stands once in such a file may be told to stand in a billion rows, and packed bytes to unpack to any size: 300
bytes can ask for gigabytes.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown

MOST_VALUES = 4_000_000_000
"""Rows times columns."""
MOST_ROWS_PER_BYTE = 20_000
"""A page of one repeated value packs many rows into a byte, but not without end."""
MOST_GROUPS = 1_000_000
FREE_BYTES, MOST_TIMES = 64 << 20, 1000
"""What values come to when they are read is not compared with the file below this; above, it may be so many times larger."""
FREE_CHUNK = 16 << 20
"""The same for one column of one group of rows."""
TEXTS = "BYTE_ARRAY"
"""What Parquet calls values of any length."""
WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}
PART_ROWS = 1 << 16
"""Rows that are looked at together."""
ARROW_MAGIC = b"ARROW1"
MOST_TOLD = 64 << 20
"""Bytes of one message of an Arrow file, without what it is about."""
BATCH, CODES = 3, 2
"""What a message of an Arrow file may be: rows, or the values that codes stand for."""


def refuse_parquet_bomb(path: Path, told: Any) -> None:
    """Raise where a footer claims more than its file can hold, or than is ever read from so small a file."""
    size = path.stat().st_size
    claims = {"rows": told.num_rows, "columns": told.num_columns, "row groups": told.num_row_groups}
    least = sum(told.row_group(i).num_rows for i in range(min(told.num_row_groups, MOST_GROUPS)))
    if (
        told.num_rows * max(told.num_columns, 1) > MOST_VALUES
        or told.num_rows > size * MOST_ROWS_PER_BYTE
        or told.num_row_groups > MOST_GROUPS
        or least != told.num_rows
        or not _chunks_agree(told, size)
        or _comes_to(told) > _most(size)
    ):
        raise _bomb(path, claims, size)
    _refuse_repeated_texts(path, told)


def _most(size: int) -> int:
    return max(FREE_BYTES, MOST_TIMES * size)


def _chunks(told: Any) -> Iterator[tuple[Any, int]]:
    """Each column of each group of rows, and how many rows that has."""
    for i in range(told.num_row_groups):
        group = told.row_group(i)
        for j in range(group.num_columns):
            yield group.column(j), group.num_rows


def _chunks_agree(told: Any, size: int) -> bool:
    """What each column's pages claim fits into the file, and into its rows unless a row holds a list."""
    for chunk, rows in _chunks(told):
        flat = "." not in chunk.path_in_schema
        if chunk.total_compressed_size > size or (flat and chunk.num_values != rows):
            return False
    return True


def _comes_to(told: Any) -> int:
    """Bytes that the values of fixed width come to when they are read, and texts as far as they are packed for themselves."""
    return sum(
        max(chunk.num_values * WIDTHS.get(chunk.physical_type, 1), chunk.total_uncompressed_size) for chunk, _ in _chunks(told)
    )


def _refuse_repeated_texts(path: Path, told: Any) -> None:
    """Raise where texts that stand once in a Parquet file come to far more when each row has its own."""
    size = path.stat().st_size
    highest = dict[str, int]()
    for chunk, _ in _chunks(told):
        if chunk.total_uncompressed_size > max(FREE_CHUNK, MOST_TIMES * chunk.total_compressed_size):
            claims = {f"bytes in {shown(chunk.path_in_schema[:40])} when unpacked": chunk.total_uncompressed_size}
            raise _bomb(path, claims, size)
        if chunk.physical_type == TEXTS:  # each row could hold all that the column's pages unpack to
            most = highest.get(chunk.path_in_schema, 0) + chunk.num_values * chunk.total_uncompressed_size
            highest[chunk.path_in_schema] = most
    for column, most in highest.items():
        if most > _most(size):
            come = _texts_come_to(path, column, _most(size))
            if come > _most(size):
                raise _bomb(path, {"rows": told.num_rows, f"bytes of text in {shown(column[:40])}": come}, size)


def _texts_come_to(path: Path, column: str, most: int) -> int:
    """Bytes of a column's texts when each row has its own, added up part by part until they are more than `most`."""
    from pyarrow import parquet as reader

    come = 0
    with reader.ParquetFile(str(path), read_dictionary=[column]) as file:
        for batch in file.iter_batches(batch_size=PART_ROWS, columns=[column], use_threads=False):
            come += _expanded(batch.column(0))
            if come > most:
                break
    return come


def _expanded(values: Any) -> int:
    """Bytes of values when each row has its own."""
    import pyarrow
    import pyarrow.compute as calculate

    coded = pyarrow.types.is_dictionary(values.type)
    kind = values.type.value_type if coded else None
    if not coded or not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)) or not len(values.dictionary):
        return int(values.nbytes)
    lengths = calculate.cast(calculate.binary_length(values.dictionary), pyarrow.int64())
    return int(calculate.sum(calculate.take(lengths, values.indices)).as_py() or 0)


def refuse_long_texts(path: Path, table: Any) -> None:
    """Raise where codes of a table that was read stand for far more text than its file has."""
    import pyarrow

    for name, column in zip(table.column_names, table.columns, strict=True):
        if pyarrow.types.is_dictionary(column.type):
            come = sum(_expanded(chunk) for chunk in column.chunks)
            if come > _most(path.stat().st_size):
                raise _bomb(path, {"rows": table.num_rows, f"bytes of text in {shown(name[:40])}": come}, path.stat().st_size)


def refuse_arrow_bomb(path: Path) -> None:
    """Raise where the packed parts of an Arrow file claim to unpack to far more than it holds.

    Each packed piece begins with the size that it unpacks to; the messages before them say where the pieces lie.

    Raises:
        DataRefusal: so it is.
        OSError: the file is not built as Arrow files are.

    Reference: Apache Arrow columnar format 1.5, "IPC file format" and "compression".
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            come = sum(_claims(file)) if file.read(len(ARROW_MAGIC)) == ARROW_MAGIC else 0
    except (struct.error, IndexError) as error:
        raise OSError(f"its messages lead nowhere ({error})") from None
    if come > _most(size):
        raise _bomb(path, {"bytes when unpacked": come}, size)


def _claims(file: IO[bytes]) -> Iterator[int]:
    """The sizes that the packed pieces of an Arrow file are said to unpack to."""
    end = file.seek(-10, 2)
    (length,) = struct.unpack("<i", file.read(4))
    footer = _Told(_at(file, end - length, length)).root()
    for field in (2, 3):  # the dictionaries, and the batches of rows
        for begin in footer.structs(field, 24):
            where, head = struct.unpack_from("<qi", footer.data, begin)
            words = _at(file, where, head)
            skipped = 8 if words[:4] == b"\xff\xff\xff\xff" else 4
            message = _Told(words[skipped:]).root()
            kind, inner = message.byte(1), message.table(2)
            rows = inner.table(1) if kind == CODES and inner is not None else inner
            if kind in (BATCH, CODES) and rows is not None and rows.table(3) is not None:
                for piece in rows.structs(2, 16):
                    offset, held = struct.unpack_from("<qq", rows.data, piece)
                    if held >= 8:
                        yield max(0, *struct.unpack("<q", _at(file, where + head + offset, 8)))


def _at(file: IO[bytes], begin: int, count: int) -> bytes:
    if begin < 0 or not 0 < count <= MOST_TOLD:
        raise IndexError("a piece lies outside of the file")
    file.seek(begin)
    found = file.read(count)
    if len(found) < count:
        raise IndexError("a piece goes on behind the end of the file")
    return found


class _Told:
    """A table of a FlatBuffer: fields by number, each where its offset says.

    Reference: FlatBuffers internals, https://flatbuffers.dev/internals.
    """

    def __init__(self, data: bytes, place: int = 0) -> None:
        self.data, self.place = data, place

    def root(self) -> "_Told":
        return _Told(self.data, *struct.unpack_from("<I", self.data))

    def _field(self, number: int) -> int:
        listed = self.place - struct.unpack_from("<i", self.data, self.place)[0]
        if listed < 0 or 4 + 2 * number >= struct.unpack_from("<H", self.data, listed)[0]:
            return 0
        found: int = struct.unpack_from("<H", self.data, listed + 4 + 2 * number)[0]
        return self.place + found if found else 0

    def byte(self, number: int) -> int:
        place = self._field(number)
        return self.data[place] if place else 0

    def table(self, number: int) -> "_Told | None":
        place = self._field(number)
        return _Told(self.data, place + struct.unpack_from("<I", self.data, place)[0]) if place else None

    def structs(self, number: int, width: int) -> range:
        """Where each member of a list of fixed width begins."""
        place = self._field(number)
        if not place:
            return range(0)
        first = place + struct.unpack_from("<I", self.data, place)[0] + 4
        (count,) = struct.unpack_from("<I", self.data, first - 4)
        if first + count * width > len(self.data):
            raise IndexError("a list goes on behind its end")
        return range(first, first + count * width, width)


def _bomb(path: Path, claims: dict[str, int], size: int) -> DataRefusal:
    said = ", ".join(f"{count:,} {what}" for what, count in claims.items())
    return DataRefusal(
        "DATA_BOMB",
        f"{shown(path.name)} claims {said} in {size:,} bytes",
        where=shown(path),
        why="what it says cannot be, or would fill the memory",
        fix="write it again from the original data",
        details=claims,
    )
