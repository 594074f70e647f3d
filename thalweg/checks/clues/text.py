"""What quick models read of texts: weights of words, pairs of words and short pieces of words."""

from typing import Any

import numpy as np
import scipy

from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import clues


@clues("text", judges=("logistic", "complement-naive-bayes"))
def text(subject: Subject, seen: Seen, rows: np.ndarray) -> tuple[np.ndarray, Any]:
    """The rows, and a sparse matrix (n, d) of weights, those of each sort of piece of length 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["" if seen.missing[row] else str(seen.column[row]) for row in rows.tolist()]
    if not any(text.strip() for text in texts):
        return rows[:0], scipy.sparse.csr_matrix((0, 1))
    sorts = (("word", (1, 2), r"\w+"), ("char_wb", (2, 4), None))
    made = [
        TfidfVectorizer(
            analyzer=analyzer,
            ngram_range=width,
            token_pattern=pattern,
            min_df=2 if len(texts) > 100 else 1,
            max_features=20_000,
            sublinear_tf=True,
        )
        for analyzer, width, pattern in sorts
    ]
    matrices = []
    for one in made:
        try:
            matrices.append(one.fit_transform(texts))
        except ValueError:  # no piece stands in two texts
            continue
    return (rows, scipy.sparse.hstack(matrices).tocsr()) if matrices else (rows[:0], scipy.sparse.csr_matrix((0, 1)))
