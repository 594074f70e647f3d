"""Numbers that are written with a unit in every row: `12 kg`, `79.99 EUR`, `$ 3.50`."""

import re
from collections import Counter

import numpy as np

from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.fields.spelled_numbers import written

WITH_UNIT = re.compile(
    r"(?P<before>[^\d\s.,+-]{0,12})\s*(?P<number>[-+]?[\d.,'’]*\d(?:[eE][-+]?\d+)?)\s*(?P<after>[^\d.,]{0,12})"
)
FIRST, LEAST, UNITS, DISTINCT = 50, 0.9, 3, 20
"""Distinct values of the first look; the least share that is an amount; how many units there are; what is no code."""


def amounts_of(one: Seen) -> Seen:
    """The column; where nearly all of its values are numbers with a unit, the numbers alone."""
    if one.numeric or not one.plain or one.distinct <= DISTINCT:
        return one
    words = [str(value).strip() for value in one.values]
    if not _fitting(words[:FIRST]):
        return one
    read = [WITH_UNIT.fullmatch(word) for word in words]
    units = Counter((found["before"], found["after"].strip()) for found in read if found)
    usual = {unit for unit, _ in units.most_common(UNITS)}
    numbers = [
        _number(found["number"]) if found and (found["before"], found["after"].strip()) in usual else np.nan for found in read
    ]
    there = np.isfinite(numbers)
    if there.sum() < LEAST * max(int((~one.spelt).sum()), 1):
        return one
    return Seen(one.name, np.asarray(numbers, dtype=np.float64)[one.index], "number", one.role)


def cells_with_amounts(subject: Subject) -> list[Seen]:
    """Plain columns that a model reads, amounts as numbers; and amounts that it would read if they did not look like ids."""
    left_out = [one for one in subject.fields.values() if one.role == "id" and one.plain and not one.numeric]
    return [*map(amounts_of, subject.cells), *(one for one in map(amounts_of, left_out) if one.numeric)]


def _fitting(words: list[str]) -> bool:
    return sum(WITH_UNIT.fullmatch(word) is not None for word in words) >= LEAST * len(words)


def _number(text: str) -> float:
    found = written(text)
    value = found.as_point if found.as_point is not None else found.as_comma
    return np.nan if value is None else value
