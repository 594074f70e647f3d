"""Columns that lie side by side in one memory, as those of a matrix or of a data frame do: seen as that matrix, not copied.

Letters: N rows, d columns.
"""

from collections.abc import Sequence

import numpy as np

from thalweg.fields.column import Column


def matrix_of(columns: Sequence[Column]) -> np.ndarray | None:
    """(N, d) numbers: the columns (N,) as they lie, not to be written to; None where they do not lie evenly in one memory."""
    first = columns[0]
    if len(columns) < 2 or not isinstance(first, np.ndarray) or first.ndim != 1:
        return None
    if first.dtype.kind not in "biuf" or first.dtype.itemsize > 8:
        return None
    owner, dtype, strides, length = first.base, first.dtype, first.strides, len(first)
    places = []
    for one in columns:
        if owner is None or not isinstance(one, np.ndarray) or one.base is not owner:
            return None
        if one.dtype != dtype or one.strides != strides or len(one) != length:
            return None
        places.append(one.__array_interface__["data"][0])
    apart = places[1] - places[0]
    if any(place != places[0] + apart * j for j, place in enumerate(places)):
        return None
    return np.lib.stride_tricks.as_strided(first, (length, len(columns)), (strides[0], apart), writeable=False)
