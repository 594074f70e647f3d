"""Tables in text files: CSV, TSV and their like, plain or packed. Separator, quotes, encoding and names are found and said."""

from collections.abc import Iterator
from pathlib import Path

from thalweg.core.registry import source
from thalweg.data._parts import Irregular
from thalweg.data._paths import refuse_misnamed
from thalweg.data._picture_paths import with_paths
from thalweg.data._source import Asked
from thalweg.data._text_table import read_text_table, text_table_in_parts
from thalweg.data._unpacked import PACKED, inner_name, stem_of
from thalweg.data.dataset import Examples


def recognises(path: Path) -> int:
    """Sure of a zip that holds one file, whose name is that of a table; of other files, unless they read on as prose does."""
    if not path.name.casefold().endswith(".zip"):
        return 30
    inner = inner_name(path).casefold()
    return 60 if inner.endswith((".csv", ".tsv", ".tab", ".txt", ".data")) else 0


@source(
    "text-table",
    suffixes=(
        ".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst", ".csv.zip",
        ".tsv", ".tsv.gz", ".tsv.bz2", ".tsv.xz", ".tsv.zst", ".tsv.zip",
        ".tab", ".tab.gz", ".tab.zip", ".psv", ".psv.gz",
        ".txt", ".txt.gz", ".txt.bz2", ".txt.xz", ".txt.zst", ".txt.zip",
        ".data", ".data.gz", ".data.bz2", ".data.xz", ".data.zst", ".data.zip",
        ".dat", ".dat.gz", ".test", ".test.gz", ".zip",
    ),
    unnamed=True,
    table=True,
    parts=True,
)  # fmt: skip
def text_table(asked: Asked) -> Examples:
    """The columns of a text table, as text; kinds are inferred from all of it.

    Raises:
        DataRefusal: the text cannot be decoded, rows differ in length, quotes do not close, or columns are not named apart.
    """
    path = asked.given
    if path.suffix.casefold() not in PACKED:
        refuse_misnamed(path, ())
    table = read_text_table(path, asked.data)
    columns = with_paths(table.columns, path.parent)
    facts: dict[str, object] = {"separated": table.dialect.sign}
    if table.skipped:
        facts["bad_rows"] = table.skipped
    return Examples(stem_of(path), columns, notes=table.notes, facts=facts)


def in_parts(asked: Asked) -> Iterator[Examples]:
    """The same, some rows at a time.

    Raises:
        Irregular: it is to be read whole.
    """
    path = asked.given
    if path.suffix.casefold() in PACKED:
        raise Irregular("packed")
    refuse_misnamed(path, ())
    for table in text_table_in_parts(path, asked.data):
        facts = {"separated": table.dialect.sign}
        yield Examples(path.stem, with_paths(table.columns, path.parent), notes=table.notes, facts=facts)
