"""Symbols: the codes of a window, as they are, for the models that count them."""

import numpy as np

from thalweg.core.registry import features
from thalweg.fields.ports import Port


@features("symbols")
def symbols(values: np.ndarray, port: Port) -> np.ndarray:
    """(N, L) codes as float32, which holds all codes up to 16 million."""
    return values.astype(np.float32)
