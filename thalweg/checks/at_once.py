"""Texts that are plain numbers, read at once: where all of a long column are, nothing has to be decided text by text."""

import re

import numpy as np

from thalweg.fields.column import Column

LONG = 20_000
"""Rows from which on it pays."""
CODE, THOUSANDS = re.compile(r"[-+]?0\d.*"), re.compile(r"[-+]?\d{1,3}[.,]\d{3}")
"""What may be a code (007), or a number with a sign between its thousands: that takes a closer look."""


def at_once(column: Column) -> Column:
    """The column as numbers, where every text is one, written plainly, and gaps are spelt in one way; else as it is."""
    if not isinstance(column, list) or len(column) < LONG or not all(isinstance(value, str) for value in column[:100] if value):
        return column
    sample = [value for value in column[:: len(column) // 100] if isinstance(value, str) and value]
    if any(map(CODE.fullmatch, sample)) or all(map(THOUSANDS.fullmatch, sample)):
        return column
    try:
        numbers = np.asarray([value or "nan" for value in column]).astype(np.float64)
    except (ValueError, TypeError):
        return column
    gaps = {column[row] for row in np.flatnonzero(np.isnan(numbers)).tolist()}
    return numbers if len(gaps) <= 1 and np.isfinite(numbers).any() else column
