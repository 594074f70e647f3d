"""Vectors as they are, their axes side by side."""

import numpy as np

from thalweg.core.registry import features
from thalweg.fields.ports import Port


@features("vector")
def vector(values: np.ndarray, port: Port) -> np.ndarray:
    """(N, product of the axes) of standardised vectors (N, ...)."""
    return values.reshape(len(values), -1)
