"""Texts as weights of words and of pairs of words, hashed: the more often one stands in a text, the more, but less and less.

How rare a word is in training weighs it further where the classical model is fitted (`evaluation/sparse.py`).

Reference: Salton & Buckley 1988, doi:10.1016/0306-4573(88)90021-0; hashing: Weinberger et al. 2009, arXiv:0902.2206.
"""

from typing import Any

import numpy as np

from thalweg.core.registry import features
from thalweg.fields.ports import Port

SPELLING = 1
"""The column of a word that holds the hash of its spelling."""
WORDS, PAIRS = 1 << 16, 1 << 17
"""Columns of words and of pairs of words."""
FACTORS = np.array([2654435761, 2246822519], dtype=np.int64)


@features("text")
def text(values: np.ndarray, port: Port) -> Any:  # noqa: ANN401 - a sparse array of scipy
    """(N, WORDS + PAIRS) sparse float32 of words (N, L, columns): 1 + ln(count), each row of length 1."""
    from scipy.sparse import csr_array

    spelling = values[..., SPELLING].astype(np.int64)  # (N, L), 0 where no word is
    there = spelling > 0
    pairs = (spelling[:, :-1] * FACTORS[0] + spelling[:, 1:] * FACTORS[1] >> 11) % PAIRS + WORDS
    both = there[:, :-1] & there[:, 1:]
    rows = np.concatenate([np.nonzero(there)[0], np.nonzero(both)[0]])
    columns = np.concatenate([spelling[there] % WORDS, pairs[both]])
    counted = csr_array((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(len(values), WORDS + PAIRS))
    counted.sum_duplicates()
    counted.data = 1 + np.log(counted.data)
    lengths = np.sqrt(np.maximum(counted.multiply(counted).sum(axis=1), 1e-12))
    counted.data = (counted.data / np.repeat(lengths, np.diff(counted.indptr))).astype(np.float32)
    return counted
