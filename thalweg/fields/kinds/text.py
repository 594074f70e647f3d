"""Free text: prose of any language as codes of words, with the hashed pieces by which words never seen are still known.

Sequences of letters (nucleotides, amino acids, molecules) are texts, too: their words are runs of letters, or atoms.
"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from thalweg.core.errors import DataRefusal
from thalweg.core.printable import typed
from thalweg.core.registry import kind
from thalweg.fields.arrays import refuse_others, refuse_restored
from thalweg.fields.column import Column, Look
from thalweg.fields.encoding import Claim, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.ragged import Ragged
from thalweg.fields.restored import unreadable_encoding
from thalweg.fields.sequences import ALPHABETS, alphabet_of, unplaced
from thalweg.fields.words import HASHES, MOST_PIECES, hashed, normalised, pieces, shape, words

UNKNOWN, FIRST = 1, 2
"""Code 0 is padding, 1 a word that training did not see; words follow from 2, the most frequent first."""
SHAPE = 2
"""Columns of a word: its code, the hash of its spelling, that of its shape, and those of its pieces (0: none)."""
WIDTH = SHAPE + 1 + MOST_PIECES
MOST_WORDS = 30_000
"""Words that get a code of their own; rarer ones are known by their pieces."""
LONGEST = 400
"""Words of a text that are read, unless the user says how many."""
FOREIGN = 0.5
"""Share of words never seen above which people are warned."""
SAMPLE = 2000
FEW = 20
"""With at most this many distinct values a text is a category."""


@kind("text", plural="texts", given="a table with a column of texts, or a folder of text files")
class Text(Encoding):
    """Texts as Ragged int32 words (total, WIDTH), gathered (B, L, WIDTH) with a mask (B, L).

    What is stored for each word of a text is one number, the row of a table that holds each distinct word once: its code, the
    hash of its spelling (of which pairs of neighbours are made), that of its shape before case was folded, and those of its
    pieces of 3 to 5 characters. So a word that training never saw is known by its pieces, at 4 bytes a word in memory.

    Of sequences of letters that all have one length a word is known with its place, and its shape is the word without it.
    """

    words: list[str]
    longest: int = LONGEST
    fold: bool = True
    alphabet: str = ""
    aligned: bool = False

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        if look.target or not look.legible or len(look.distinct) <= FEW:
            return None
        correction = f"({typed('field', look.name, 'category')} for categories)"
        if look.alphabet:
            return Claim(0.8, f"{look.name}: sequences of {look.alphabet} {correction}")
        return Claim(0.8, f"{look.name}: free text {correction}") if 2 * len(look.distinct) > len(look) else None

    @classmethod
    def example(cls) -> list[Column]:
        return [["a good film , good", "", "a dull film", "not good 🙂", "dull ! not a good film"]]

    def heed(self, wishes: Mapping[str, Any]) -> Self:
        self.longest = wishes.get("text_length") or LONGEST
        self.fold = wishes.get("text_case", "fold") == "fold"
        return self

    def check(self, columns: Sequence[Column]) -> None:
        refuse_others(self.name, columns[0], lambda value: not (isinstance(value, str) or _absent(value)), rows="a text")
        if all(not one for one in map(_legible, columns[0])):
            raise DataRefusal(
                "DATA_EMPTY_TEXTS",
                f'no row of "{self.name}" holds a word',
                where=f"field {self.name}, {len(columns[0]):,} rows",
                why="there is nothing to read",
                fix=f"give the field that holds the texts, or {typed('ignore', self.name)}",
            )

    def _all_words(self, value: Any) -> list[str]:
        """The words of a raw value, as they are written; none where it is missing."""
        if not isinstance(value, str):
            return []
        if not self.alphabet:
            return words(value)
        return ALPHABETS[self.alphabet].cut(value, placed=self.aligned)

    def _words(self, value: Any) -> list[str]:
        """Those of them that are read."""
        return self._all_words(value)[: self.longest]

    def _known_as(self, word: str) -> str:
        return word.casefold() if self.fold and not self.alphabet else word

    def fit(self, columns: Sequence[Column]) -> Self:
        there = [value for value in columns[0] if isinstance(value, str) and value.strip()]
        self.alphabet = alphabet_of(there[:: max(1, len(there) // SAMPLE)])
        self.aligned = self.alphabet != "" and ALPHABETS[self.alphabet].is_aligned(there)
        self.words = self._frequent(columns[0])[:MOST_WORDS]
        return self

    def extend(self, columns: Sequence[Column]) -> Self:
        known = set(self.words)
        self.words = self.words + [word for word in self._frequent(columns[0]) if word not in known]
        return self

    def _frequent(self, column: Column) -> list[str]:
        """Distinct words, the most frequent first, then by spelling."""
        written: Counter[str] = Counter()
        for value in column:
            written.update(self._words(value))
        counts: Counter[str] = Counter()
        for word, count in written.items():
            counts[self._known_as(word)] += count
        return sorted(counts, key=lambda word: (-counts[word], word))

    def encode(self, columns: Sequence[Column]) -> Ragged:
        """Ragged of word numbers (total,) int32 and their table (distinct words, WIDTH) int32."""
        places: defaultdict[str, int] = defaultdict()
        places.default_factory = places.__len__
        numbers, offsets = array("i"), [0]
        for value in columns[0]:
            numbers.extend(map(places.__getitem__, self._words(value)))
            offsets.append(len(numbers))
        values = torch.from_numpy(np.array(numbers, dtype=np.int32))
        return Ragged(values, torch.tensor(offsets), torch.from_numpy(self._table(list(places))))

    def _table(self, written: list[str]) -> np.ndarray:
        """What stands for each distinct word (N, WIDTH) int32; one row of zeros where there is no word."""
        codes = {word: FIRST + i for i, word in enumerate(self.words)}
        table = np.zeros((max(len(written), 1), WIDTH), dtype=np.int32)
        for row, word in enumerate(written):
            known = self._known_as(word)
            bare = unplaced(known) if self.alphabet else known
            look = f"letters {bare}" if self.alphabet else f"shape {shape(word)}"
            described = [codes.get(known, UNKNOWN), hashed(known), hashed(look), *map(hashed, pieces(bare))]
            table[row, : len(described)] = described
        return table

    def finish(self, tensor: Tensor) -> Tensor:
        return tensor.long()

    def decode(self, tensor: Tensor) -> Column:
        """Texts of words (B, L, WIDTH), spaces between them; of words that training did not see only that they were there."""
        codes = tensor[..., 0].detach().cpu().tolist()
        return [" ".join(self._read(code) for code in row if code) for row in codes]

    def _read(self, code: int) -> str:
        return self.words[code - FIRST] if FIRST <= code < FIRST + len(self.words) else "\ufffd"

    def summary(self, columns: Sequence[Column]) -> str:
        return f"texts of {len(self.words):,} words"

    @property
    def notes(self) -> list[str]:
        if self.aligned:
            return [f"{self.name}: all of one length, so that letters are known by their place"]
        return [] if self.fold else [f"{self.name}: case is kept (--set data.text_case=fold)"]

    def remarks(self, columns: Sequence[Column]) -> list[str]:
        """On texts without a word, texts that are cut, and texts in words that training did not see."""
        empty = [row for row, value in enumerate(columns[0]) if not _legible(value)]
        cut = [row for row, value in enumerate(columns[0]) if self._is_cut(value)]
        said = []
        if empty:
            said.append(f"{self.name}: {len(empty):,} texts without a word, rows {_first(empty)}")
        if cut:
            share = f"{len(cut) / len(columns[0]):.1%}".replace("%", " %")
            more = "--set data.text_length=N for more"
            said.append(f"{self.name}: {len(cut):,} texts ({share}) cut to {self.longest:,} words, rows {_first(cut)} ({more})")
        foreign = self._foreign(columns[0])
        if foreign > FOREIGN:
            shown = f"{foreign:.0%}".replace("%", " %")
            said.append(f"{self.name}: {shown} of the words are unknown to the model: another language, or another subject?")
        return said

    def _is_cut(self, value: Any) -> bool:
        return isinstance(value, str) and len(value) > self.longest and len(self._all_words(value)) > self.longest

    def _foreign(self, column: Column) -> float:
        """Share of the words of up to `SAMPLE` rows that training did not see."""
        known = set(self.words)
        sample = column[:: max(1, len(column) // SAMPLE)]
        found = [self._known_as(word) for value in sample for word in self._words(value)]
        return sum(word not in known for word in found) / max(len(found), 1)

    @property
    def port(self) -> Port:
        sizes = (FIRST + len(self.words), *[HASHES] * (WIDTH - 1))
        return Port(self.name, "text", (None, WIDTH), sizes=sizes, masked=True)

    def state(self) -> dict[str, Any]:
        letters = {"alphabet": self.alphabet, "aligned": self.aligned} if self.alphabet else {}
        return {"words": self.words, "longest": self.longest, "fold": self.fold, **letters}

    def restore(self, state: Mapping[str, Any]) -> Self:
        known, longest, fold = state.get("words"), state.get("longest"), state.get("fold")
        alphabet, aligned = state.get("alphabet", ""), state.get("aligned", False)
        told = isinstance(fold, bool) and isinstance(aligned, bool) and alphabet in ("", *ALPHABETS)
        if not told or not isinstance(known, list) or not isinstance(longest, int) or longest < 1:
            raise unreadable_encoding("the words of a text cannot be read", self.name)
        refuse_restored(self.name, known)
        self.words, self.longest, self.fold = [str(word) for word in known], longest, bool(fold)
        self.alphabet, self.aligned = str(alphabet), bool(aligned)
        return self


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _legible(value: Any) -> bool:
    """There is a word in it."""
    return isinstance(value, str) and not value.isspace() and bool(normalised(value[:4096]).strip())


def _first(rows: list[int]) -> str:
    return ", ".join(f"{row:,}" for row in rows[:5]) + (" ..." if len(rows) > 5 else "")
