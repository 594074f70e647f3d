"""JSON files that hold an array of records, or an object of columns; plain or packed."""

from thalweg.core.registry import source
from thalweg.data._character_encoding import text_of
from thalweg.data._json_rows import array_of, sized
from thalweg.data._paths import refuse_misnamed
from thalweg.data._picture_paths import with_paths
from thalweg.data._source import Asked
from thalweg.data._unpacked import PACKED, blocks_of, stem_of
from thalweg.data.dataset import Examples


@source("json-array", suffixes=(".json", ".json.gz", ".json.bz2", ".json.xz", ".json.zst", ".json.zip"), table=True)
def json_array(asked: Asked) -> Examples:
    """The records of an array as columns.

    Raises:
        DataRefusal: it is no JSON, holds no records, or is too large to be held whole.
    """
    path = asked.given
    if path.suffix.casefold() not in PACKED:
        refuse_misnamed(path, ())
    data = sized(blocks_of(path), path)
    decoded = text_of(path, lambda: [data] if data else [], asked.data.encoding, one_line=True)
    return Examples(stem_of(path), with_paths(array_of(decoded.text, path), path.parent), notes=list(decoded.notes))
