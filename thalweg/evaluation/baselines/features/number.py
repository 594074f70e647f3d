"""Numbers as they are."""

import numpy as np

from thalweg.core.registry import features
from thalweg.fields.ports import Port


@features("number")
def number(values: np.ndarray, port: Port) -> np.ndarray:
    """Standardised numbers (N, d), unchanged."""
    return values.reshape(len(values), -1)
