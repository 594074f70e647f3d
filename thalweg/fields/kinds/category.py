"""Categories: one of a set of values a row, as codes; the categories of a table as one tensor, or a class to be predicted."""

import re
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, Self, TypeGuard

import numpy as np
import torch
from torch import Tensor

from thalweg.core.printable import typed
from thalweg.core.registry import kind
from thalweg.fields.arrays import is_scalar, refuse_others, refuse_restored
from thalweg.fields.column import Column, Look, coded, missing, plain
from thalweg.fields.encoding import BadRows, Claim, Encoding
from thalweg.fields.ports import Port
from thalweg.fields.repeated import Repeated
from thalweg.fields.restored import unreadable_encoding
from thalweg.fields.straight import Straight

FEW = 20
"""Whole numbers with at most this many distinct values may be classes."""
NAMES_SOMEBODY = re.compile(r"(?:^|[_\s.-])id$|[a-z](?:Id|ID)$", re.ASCII)
"""Names of columns whose whole numbers stand for users, shops, items, where they recur."""
RECURS, MOST_NAMED = 5, 20_000
"""Rows of each such number on average, and different ones, at most, that are told apart."""
MANY = 1000
"""Inputs with more distinct values than this, half of them unique, name their rows rather than sort them."""


@kind("category", plural="categories")
class Category(Encoding):
    """One of a set of values a row.

    Inputs become (N, k) int64 codes, 0 standing for what is missing or was never seen in training, 1 and above for the values
    in order. A target becomes (N,) int64 classes from 0.
    """

    grouped = True
    values: list[list[Any]]
    counts: tuple[int, ...] = ()

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        if not look.scalar:
            return None
        if not look.numeric:
            return _claim_on_words(look)
        if not look.whole or not look.distinct:
            return None
        count, rows = len(look.distinct), len(look)
        if not look.target:
            if look.distinct[0] < 0:
                return None
            if NAMES_SOMEBODY.search(look.name) and RECURS * count <= rows and count <= MOST_NAMED:
                return Claim(
                    0.6, f"{look.name}: numbers that recur, by its name of somebody ({typed('field', look.name, 'number')})"
                )
            if are_counts(look):
                return None
            said = f"{look.name}: whole numbers of few values, as categories ({typed('field', look.name, 'number')})"
            return Claim(0.6, said) if count <= FEW // 2 and rows >= 10 * count else None
        numbered = look.distinct[0] in (0, 1) and look.distinct[-1] - look.distinct[0] == count - 1
        if (count <= FEW and rows >= 2 * count) or (numbered and rows >= 10 * count):
            return Claim(0.7, "")
        return None

    @classmethod
    def example(cls) -> list[Column]:
        return [["red", "green", "red", "blue", "green"], np.array([3, 1, 2, 1, 10])]

    def check(self, columns: Sequence[Column]) -> None:
        for name, column in zip(self.fields, columns, strict=True):
            if not (isinstance(column, np.ndarray) and column.ndim == 1):
                refuse_others(name, column, lambda value: not is_scalar(value), rows="one plain value")

    def fit(self, columns: Sequence[Column]) -> Self:
        found = [coded(column) for column in columns]
        self.values = [values for values, _ in found]
        codes = found[0][1]
        self.counts = tuple(np.bincount(codes[codes >= 0], minlength=len(self.values[0])).tolist())
        return self

    def extend(self, columns: Sequence[Column]) -> Self:
        found = [coded(column)[0] for column in columns]
        self.values = [old + [new for new in more if new not in set(old)] for old, more in zip(self.values, found, strict=True)]
        self.counts += (0,) * (len(self.values[0]) - len(self.counts))
        return self

    def encode(self, columns: Sequence[Column]) -> Tensor:
        """(N, k) int64 from 0 (unknown) for inputs; (N,) int64 from 0 for a target."""
        codes = [_codes(column, known) for column, known in zip(columns, self.values, strict=True)]
        if self.role == "input":
            return torch.from_numpy(np.stack(codes, axis=1) + 1)
        self._refuse_unknown(columns[0], codes[0])
        return torch.from_numpy(codes[0])

    def straight(self, columns: Sequence[Column]) -> Straight | None:
        if self.role != "input":
            return None
        coded = [_table(column, known) for column, known in zip(columns, self.values, strict=True)]

        def read(first: int, last: int) -> Tensor:
            codes = np.empty((last - first, len(coded)), dtype=np.int64)
            for j, (table, places) in enumerate(coded):
                codes[:, j] = table[places[first:last]]
            return torch.from_numpy(codes)

        return Straight(read)

    def _refuse_unknown(self, column: Column, codes: np.ndarray) -> None:
        reasons = {row: repr(plain(column[row]))[:60] for row in np.flatnonzero(codes < 0).tolist()}
        if reasons:
            shown = ", ".join(str(value) for value in self.values[0][:8])
            raise BadRows(
                "DATA_UNKNOWN_CLASS",
                reasons,
                field=self.name,
                rows=len(column),
                why=f"the model knows {len(self.values[0])} classes: {shown}{' ...' if len(self.values[0]) > 8 else ''}",
                fix="correct these values, or train on data that has them",
            )

    def decode(self, tensor: Tensor) -> Column:
        """Raw values: (B,) for one field, (B, k) of objects for several; of inputs None where the value is unknown."""
        codes = tensor.detach().cpu().numpy()
        if self.role != "input":
            return _array(self.values[0])[codes.reshape(len(codes))]
        decoded = np.empty(codes.shape, dtype=object)
        for j, known in enumerate(self.values):
            table = np.empty(len(known) + 1, dtype=object)
            table[0], table[1:] = None, known
            decoded[:, j] = table[codes[:, j]]
        return decoded[:, 0] if len(self.fields) == 1 else decoded

    def strata(self, columns: Sequence[Column]) -> Column | None:
        return columns[0]

    @property
    def balance(self) -> list[int] | None:
        return None if self.role == "input" or not self.counts else list(self.counts)

    def summary(self, columns: Sequence[Column]) -> str:
        found, codes = coded(columns[0])
        counts = np.bincount(codes[codes >= 0], minlength=len(found))
        most = int(counts.argmax())
        return f'{len(found):,} classes, {counts[most] / max(counts.sum(), 1):.0%} "{found[most]}"'.replace("%", " %")

    def remarks(self, columns: Sequence[Column]) -> list[str]:
        strange = self.unseen(columns)
        shown = ", ".join(f'{name} {len(found):,} ("{found[0]}")' for name, found in strange.items() if found)
        return [f"values that training did not see count as unknown: {shown}"] if shown else []

    def unseen(self, columns: Sequence[Column]) -> dict[str, list[Any]]:
        strange: dict[str, list[Any]] = {}
        for name, column, known in zip(self.fields, columns, self.values, strict=True):
            wrong = np.flatnonzero((_codes(column, known) < 0) & ~missing(column)) if _holds_more(column, known) else ()
            strange[name] = [plain(column[row]) for row in wrong]
        return strange

    @property
    def port(self) -> Port:
        if self.role == "input":
            return Port(self.name, "categories", (len(self.fields),), sizes=tuple(len(known) + 1 for known in self.values))
        return Port(self.name, "category", (), size=len(self.values[0]))

    def state(self) -> dict[str, Any]:
        return {"values": self.values} if self.role == "input" else {"values": self.values, "counts": list(self.counts)}

    def restore(self, state: Mapping[str, Any]) -> Self:
        values = state.get("values")
        if not isinstance(values, list) or len(values) != len(self.fields) or not all(isinstance(one, list) for one in values):
            raise unreadable_encoding("the values of a category cannot be read", self.name)
        for known in values:
            refuse_restored(self.name, known)
        counts = state.get("counts", [])  # packages written before classes were counted have none
        whole = isinstance(counts, list) and len(counts) in (0, len(values[0])) and all(type(n) is int for n in counts)
        if not whole:
            raise unreadable_encoding("the counts of classes cannot be read", self.name)
        self.values, self.counts = [list(one) for one in values], tuple(counts)
        return self


def are_counts(look: Look) -> bool:
    """Whole numbers from 0 that get rarer the larger they are: how many of something, rather than codes."""
    values, codes = coded(look.column)
    if len(values) < 4 or values[0] != 0:
        return False
    often = np.bincount(codes[codes >= 0], minlength=len(values))
    ranks = np.argsort(np.argsort(-often, kind="stable"))
    return bool(np.corrcoef(ranks, np.arange(len(values)))[0, 1] >= 0.85)


def _claim_on_words(look: Look) -> Claim | None:
    """Text, truth values and mixtures: a category unless nearly every row has a value of its own."""
    count, rows = len(look.distinct), len(look)
    if look.target or count <= MANY // 20 or (count <= MANY and count <= rows / 2):
        return Claim(0.6, _mixture(look))
    return None


def _mixture(look: Look) -> str:
    """A sentence where the column mixes numbers and text; empty where it does not."""
    values = [value for value in look.distinct if not isinstance(value, bool)]
    numbers = [value for value in values if isinstance(value, int | float)]
    words = [value for value in values if isinstance(value, str)]
    if not numbers or not words:
        return ""
    return (
        f'{look.name}: {len(numbers):,} distinct numbers and {len(words):,} texts such as "{words[0]}", taken together as '
        f"categories ({typed('field', look.name, 'number')} shows the rows)"
    )


def _is_text(column: Column) -> TypeGuard[np.ndarray]:
    return isinstance(column, np.ndarray) and column.dtype.kind == "U"


def _holds_more(column: Column, known: list[Any]) -> bool:
    """Whether a column may hold other values than the known ones and gaps."""
    if isinstance(column, Repeated) and column.places is not None:
        return not {*column.words.tolist()} <= {*known, ""}
    return not _is_text(column) or not {*column.tolist()} <= {*known, ""}


def _table(column: Column, known: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """(K,) an input's codes, and (N,) the place of each row's code among them."""
    if isinstance(column, Repeated) and column.places is not None:
        return _codes(column.words, known) + 1, column.places
    return np.arange(len(known) + 1), _codes(column, known) + 1


def _codes(column: Column, known: list[Any]) -> np.ndarray:
    """(N,) the place of each value among the known ones; -1 where it is missing or none of them."""
    if _is_text(column):
        if isinstance(column, Repeated) and column.places is not None:
            return _codes(column.words, known)[column.places]
        places = {value: i for i, value in enumerate(known) if value != ""}
        return np.fromiter(map(places.get, column.tolist(), repeat(-1)), np.int64, len(column))
    found, index = coded(column)
    places = {value: i for i, value in enumerate(known)}
    table = np.asarray([*(places.get(value, -1) for value in found), -1], dtype=np.int64)
    return table[index]


def _array(values: list[Any]) -> np.ndarray:
    """Values as an array of their own type where they share one, else of objects."""
    if len({type(value) for value in values}) == 1:
        return np.asarray(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
