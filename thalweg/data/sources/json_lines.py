"""JSON Lines: a record a line, plain or packed."""

from collections.abc import Iterator

from thalweg.core.registry import source
from thalweg.data._character_encoding import text_of
from thalweg.data._json_rows import lines_of
from thalweg.data._parts import Irregular, parts_of_text
from thalweg.data._paths import refuse_misnamed
from thalweg.data._picture_paths import with_paths
from thalweg.data._source import Asked
from thalweg.data._unpacked import PACKED, blocks_of, stem_of
from thalweg.data.dataset import Examples


@source(
    "json-lines",
    suffixes=(
        ".jsonl", ".jsonl.gz", ".jsonl.bz2", ".jsonl.xz", ".jsonl.zst", ".jsonl.zip",
        ".ndjson", ".ndjson.gz", ".ndjson.bz2", ".ndjson.xz", ".ndjson.zst", ".ndjson.zip",
    ),
    table=True,
    parts=True,
)  # fmt: skip
def json_lines(asked: Asked) -> Examples:
    """The records of a file as columns, in the order in which keys first appear; what a record lacks is missing.

    Raises:
        DataRefusal: a line holds no object, NaN, or what nests without end; all of them at once.
    """
    path = asked.given
    if path.suffix.casefold() not in PACKED:
        refuse_misnamed(path, ())
    decoded = text_of(path, lambda: blocks_of(path), asked.data.encoding)
    columns, notes = lines_of(decoded.text, path, asked.data)
    return Examples(stem_of(path), with_paths(columns, path.parent), notes=[*decoded.notes, *notes])


def in_parts(asked: Asked) -> Iterator[Examples]:
    """The same, some rows at a time; keys that no record of a part has are missing in it.

    Raises:
        Irregular: it is to be read whole.
    """
    path = asked.given
    if path.suffix.casefold() in PACKED or asked.data.encoding:
        raise Irregular("packed, or not in UTF-8")
    refuse_misnamed(path, ())
    for text in parts_of_text(path, quoted=False):
        columns, notes = lines_of(text, path, asked.data)
        if notes:
            raise Irregular("lines to be left out")
        if columns:
            yield Examples(path.stem, with_paths(columns, path.parent))
