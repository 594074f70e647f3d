"""Data of other kinds than a model reads, as a table where it reads pictures: what was found, and what to give."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, some_of
from thalweg.data._spelled import spelled
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, as_column, take
from thalweg.fields.encoding import Encoding
from thalweg.fields.inference import infer

LOOKED_AT = 1000
"""Rows by which a column is taken for a kind."""


def refuse_other_kinds(encodings: Iterable[Encoding], columns: Mapping[str, Column]) -> None:
    """Raise where no field that encodings read is there by its name, and the data are of another sort: no table, or a table."""
    wanted = {name: one.kind for one in encodings for name in one.fields}
    if not columns or not wanted.keys().isdisjoint(columns):
        return
    found = Counter(filter(None, _kinds_of(columns).values()))
    if set(_given_by_itself(found)) != set(_given_by_itself(wanted.values())):
        raise other_kinds(wanted, found, list(columns))


def other_kinds(wanted: Mapping[str, str], found: Mapping[str, int], names: Sequence[str]) -> DataRefusal:
    """The refusal of data that hold nothing of what a model reads.

    Args:
        wanted: the kind of each field that it reads.
        found: how many columns of each kind the data hold.
        names: what these are called.
    """
    reads = list(dict.fromkeys(wanted.values()))
    shown = ", ".join(f"{count:,} of {_plural(kind)}" for kind, count in found.items()) or "none of a known kind"
    ways = _given_by_itself(reads)
    called = [name for name, kind in wanted.items() if kind not in ways]
    fixes = [*ways.values(), *([f"columns called {some_of(called)}"] if called else [])]
    return DataRefusal(
        "DATA_OTHER_KIND",
        f"the model reads {' and '.join(map(_plural, reads))}; columns of these data: {shown}",
        where=f"columns: {some_of(names, 8)}",
        why="it can make nothing of other data than it has learned from",
        fix=f"give {'; and '.join(fixes)}",
    )


def _given_by_itself(kinds: Iterable[str]) -> dict[str, str]:
    """How data of each of the kinds are given, for those that need no column of a table: pictures, texts, series."""
    facts = {kind: registry.facts("kind", kind).get("given", "") for kind in dict.fromkeys(kinds)}
    return {kind: str(way) for kind, way in facts.items() if way}


def _plural(kind: str) -> str:
    return str(registry.facts("kind", kind)["plural"])


def _kinds_of(columns: Mapping[str, Column]) -> dict[str, str | None]:
    """The kind that each column looks like by its first rows; None where it would be left out, or is of none."""
    first = {
        name: take(one, range(min(len(one), LOOKED_AT))) for name, column in columns.items() for one in [as_column(column)]
    }
    read, _ = spelled(Examples("first rows", first), DataSettings())
    return {name: _kind_of(name, column) for name, column in read.columns.items()}


def _kind_of(name: str, column: Column) -> str | None:
    try:
        return infer(name, column).kind
    except DataRefusal:
        return None
