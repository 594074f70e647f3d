"""Repeated words: a column of text that knows its distinct words and which of them stands in each row.

Whoever reads text has looked at each different word once; what comes after need not look at every row again. To all others it
is an array of text, or a list as it was given: what is made of it (a comparison, a copy, some of its rows) is a plain one.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np


class Recurring(list[Any]):
    """Texts as they were given, None for what is missing, most of which stand in several rows; not to be changed.

    Attributes:
        texts: (K,) each different one, None among them where one is missing; all stand in some row.
        places: (N,) int64 place of each row's text among them.
    """

    texts: Sequence[str | None]
    places: np.ndarray

    @staticmethod
    def of(texts: Sequence[str | None], places: np.ndarray) -> "Recurring":
        """The column in which `texts` (K,) stand at `places` (N,)."""
        table = np.empty(len(texts), dtype=object)
        table[:] = texts
        column = Recurring(table[places].tolist())
        column.texts, column.places = texts, places
        return column


class Repeated(np.ndarray):
    """Words (N,), in which "" is nothing.

    Attributes:
        words: (K,) each different one; more than stand here, where rows were taken.
        places: (N,) int64 place of each row's word among them; None in what is no longer a column of these words.
    """

    words: np.ndarray
    places: np.ndarray | None = None

    @staticmethod
    def of(words: np.ndarray, places: np.ndarray) -> "Repeated":
        """The column in which `words` (K,) stand at `places` (N,)."""
        return words[places].view(Repeated)._knowing(words, places)

    def _knowing(self, words: np.ndarray, places: np.ndarray) -> Self:
        self.words, self.places = words, places
        return self

    def __array_finalize__(self, made_from: Any) -> None:  # noqa: ANN401 - whatever numpy made this from
        self.places = None

    def __getitem__(self, rows: Any) -> Any:  # noqa: ANN401 - as numpy has it
        taken = super().__getitem__(rows)
        known = self.places is not None and isinstance(taken, Repeated) and taken.ndim == 1
        return taken._knowing(self.words, self.places[rows]) if known and self.places is not None else taken
