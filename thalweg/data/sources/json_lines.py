"""JSON Lines: a record a line, plain or packed."""

from thalweg.core.registry import source
from thalweg.data._character_encoding import text_of
from thalweg.data._json_rows import lines_of
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
