"""Measures of texts: how long, and how much of them is capitals, digits and other signs."""

from collections.abc import Callable

import numpy as np

from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import measures


@measures("text")
def text(subject: Subject, seen: Seen, rows: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The rows that hold a text, and (n,) of each measure by name."""
    rows = rows[~seen.missing[rows]]
    texts = [str(seen.column[row]) for row in rows.tolist()]
    return rows, {
        "words": np.asarray([len(one.split()) for one in texts], dtype=np.float64),
        "capitals": _share(texts, str.isupper),
        "digits": _share(texts, str.isdigit),
        "letters": _share(texts, str.isalpha),
    }


def _share(texts: list[str], belongs: Callable[[str], bool]) -> np.ndarray:
    """(n,) the share of each text's signs that belong."""
    return np.asarray([sum(map(belongs, one)) / max(len(one), 1) for one in texts])
