"""Bytes as text: the character encoding that a file is written in, found and said.

Marks at the beginning decide; else UTF-8, if all bytes are that; else Windows' Western European, if no character is UTF-8 of
several bytes. A file that holds both is refused with the place, since one reading would garble one part of it.
"""

import codecs
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from thalweg.core.errors import DataRefusal, UsageRefusal
from thalweg.data._archive import LIMIT_BYTES
from thalweg.data._paths import shown

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "cp1252"
LONGEST_LINE = 16 << 20
"""Bytes of a line: a row that is longer is no row of a table."""
_SEVERAL = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


@dataclass(frozen=True)
class Decoded:
    """A file's text, the encoding that it was in, and what to say of that."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


def text_of(path: Path, blocks: Callable[[], Iterable[bytes]], encoding: str | None, *, one_line: bool = False) -> Decoded:
    """The text of a file.

    Args:
        blocks: gives the file's bytes in order; asked twice, so that what cannot be read is refused before it is held.
        encoding: what the user said; None looks.
        one_line: lines may be of any length.

    Raises:
        DataRefusal: zero bytes, a line without end, or bytes that the encoding does not have.
        UsageRefusal: there is no such encoding.
    """
    codec = _known(encoding) if encoding else None
    wide = codec is not None and codec.startswith(("utf-16", "utf-32"))
    _refuse_strange(path, blocks(), wide=wide, most=LIMIT_BYTES if one_line else LONGEST_LINE)
    data = b"".join(blocks())
    marked = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if codec or marked:
        name = marked if codec in (None, "utf-8") and marked else codec or "utf-8"
        return Decoded(_decoded(data, name, path), name, (f"encoding {name}",) if codec or name != "utf-8-sig" else ())
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        return _western(data, error.start, path)


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise UsageRefusal(
            "ENCODING_UNKNOWN",
            f'there is no character encoding "{encoding}"',
            where=f"--encoding {encoding}",
            why="bytes are read by its table",
            fix="one of utf-8, utf-16, cp1252, latin-1, cp1250, shift_jis, gb18030, ...",
        ) from None


def _refuse_strange(path: Path, blocks: Iterable[bytes], *, wide: bool, most: int) -> None:
    """Return if no byte is zero (but in text of two or four bytes a character) and every line ends.

    Raises:
        DataRefusal: otherwise, or where there are no bytes at all.
    """
    before, line_bytes, lines, first = 0, 0, 0, True
    for block in blocks:
        wide = wide or (first and block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)))
        first = False
        if not wide and (place := block.find(b"\0")) >= 0:
            raise _zero_bytes(path, before + place, lines + block.count(b"\n", 0, place) + 1)
        end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        line_bytes = line_bytes + len(block) if end < 0 else len(block) - end - 1
        before, lines = before + len(block), lines + block.count(b"\n")
        if line_bytes > most:
            raise _endless_line(path, lines + 1)
    if first:
        raise DataRefusal(
            "DATA_EMPTY_FILE",
            f"{shown(path.name)} is empty",
            where=f"{shown(path)}, 0 bytes unpacked",
            why="there is nothing to learn from",
            fix="give the file that holds the data",
        )


def _decoded(data: bytes, name: str, path: Path) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        raise _undecodable(data, error.start, path, f"no {name}", guess="another one") from None


def _western(data: bytes, place: int, path: Path) -> Decoded:
    """Text in one byte a character, where nothing in it is UTF-8 of several bytes."""
    if _SEVERAL.search(data):
        raise _undecodable(data, place, path, "no UTF-8, though other characters of the file are", guess=WESTERN)
    line = data.count(b"\n", 0, place) + 1
    said = f"encoding: byte {place:,} (line {line:,}) is no UTF-8"
    try:
        return Decoded(data.decode(WESTERN), WESTERN, (f"{said}, read as {WESTERN} (--encoding NAME for another)",))
    except UnicodeDecodeError:
        return Decoded(data.decode("latin-1"), "latin-1", (f"{said}, read as latin-1 (--encoding NAME for another)",))


def _zero_bytes(path: Path, place: int, line: int) -> DataRefusal:
    return DataRefusal(
        "DATA_ZERO_BYTES",
        f"{shown(path.name)} holds zero bytes: the file looks cut off or sparse",
        where=f"{shown(path)}:{line}, byte {place:,}",
        why="text has none; a copy that broke off leaves such gaps",
        fix="copy the file again; if it is UTF-16 without a mark: --encoding utf-16-le",
    )


def _endless_line(path: Path, line: int) -> DataRefusal:
    return DataRefusal(
        "DATA_LINE_TOO_LONG",
        f"line {line:,} of {shown(path.name)} is longer than {LONGEST_LINE >> 20} MiB",
        where=f"{shown(path)}:{line}",
        why="a row of a table is short; this would fill the memory",
        fix="look whether the file has line ends, and whether it is a table at all",
    )


def _undecodable(data: bytes, place: int, path: Path, what: str, *, guess: str) -> DataRefusal:
    line = data.count(b"\n", 0, place) + 1
    return DataRefusal(
        "DATA_ENCODING",
        f"byte {place:,} of {shown(path.name)} (0x{data[place]:02x}) is {what}",
        where=f"{shown(path)}:{line}, byte {place:,}",
        why="one reading of the whole file would garble a part of it",
        fix=f"write it in one encoding; or read it as another: --encoding {guess if guess != 'another one' else 'NAME'}",
        details={"byte": place, "line": line, "guess": guess},
    )
