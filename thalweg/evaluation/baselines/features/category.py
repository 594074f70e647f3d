"""Categories one-hot: a column for each value that training knew."""

import numpy as np

from thalweg.core.registry import features
from thalweg.fields.ports import Port

MOST = 256
"""Columns for one category; rarer codes share the last."""


@features("category")
def category(values: np.ndarray, port: Port) -> np.ndarray:
    """(N, sum of sizes) zeros and ones of codes (N, k)."""
    codes = values.reshape(len(values), -1).astype(np.int64)
    sizes = port.sizes or (port.size or int(codes.max()) + 1,)
    columns = [np.minimum(codes[:, j : j + 1], MOST - 1) == np.arange(min(size, MOST)) for j, size in enumerate(sizes)]
    return np.concatenate(columns, axis=1).astype(np.float32)
