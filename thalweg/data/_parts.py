"""Tables a part at a time, for those who look at each row once: so many lines of a file, never all of it.

Only what is as it should be is read so. Whatever else a file holds (rows of another length, an open quote, bytes that are no
UTF-8) is `Irregular`, and whoever asked reads the file whole, which says what is wrong with it and where.
"""

from collections.abc import Iterator
from pathlib import Path

from thalweg.data._character_encoding import LONGEST_LINE, MARKS

PART = 1 << 23
"""Bytes of a part, about."""


class Irregular(Exception):
    """The file is better read whole."""


def parts_of_text(path: Path, *, quoted: bool, size: int = PART) -> Iterator[str]:
    """The text of a file in parts that end with a line, none of them within quotes.

    Raises:
        Irregular: it is no plain UTF-8 of lines, or a quote stays open.
    """
    with path.open("rb") as file:
        rest = file.read(size)
        if any(rest.startswith(mark) for mark, _ in MARKS):
            raise Irregular("a byte order mark")
        while more := file.read(size):
            end = _end_of_line(rest, quoted=quoted)
            if b"\0" in rest or (not end and len(rest) > LONGEST_LINE):
                raise Irregular("no text of lines")
            if end:
                yield _decoded(rest[:end])
            rest = rest[end:] + more
        if b"\0" in rest or (quoted and rest.count(b'"') % 2):
            raise Irregular("an open quote, or no text")
        yield _decoded(rest)


def _end_of_line(data: bytes, *, quoted: bool) -> int:
    """Where the last line that ends outside of quotes ends; 0: none does."""
    end = data.rfind(b"\n") + 1
    odd = quoted and data.count(b'"', 0, end) % 2
    while end and odd:
        before = data.rfind(b"\n", 0, end - 1) + 1
        odd = (data.count(b'"', before, end) + odd) % 2
        end = before
    return end


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Irregular("no UTF-8") from None
