"""Data frames in memory, of any library that narwhals knows: each column is a field; kinds are inferred from the values."""

from typing import Any

from thalweg.core.registry import source
from thalweg.data._frames import categories_of, frame_columns, index_notes, is_frame
from thalweg.data._shapes import refuse_unequal
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples
from thalweg.fields.column import Look


def recognises(given: Any) -> int:
    """Sure of data frames."""
    return 60 if is_frame(given) else 0


@source("frames", objects=True, table=True)
def frames(asked: Asked) -> Examples:
    """The columns of a data frame; the target is the one that the user names, else it is looked for.

    Numbers that the frame itself calls categories are categories.

    Raises:
        DataRefusal: no rows, or columns without names of their own.
    """
    columns = frame_columns(asked.given)
    refuse_unequal({name: len(values) for name, values in columns.items()}, "the data frame")
    named = set(categories_of(asked.given)) - set(asked.data.fields)
    kinds = {name: "category" for name, column in columns.items() if name in named and Look(name, column).numeric}
    return Examples("frame", columns, kinds=kinds, notes=index_notes(asked.given))
