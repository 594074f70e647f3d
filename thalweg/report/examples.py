"""The examples behind the worst mistakes, kept in a run's results in the form that their view shows."""

from collections.abc import Iterable, Mapping
from typing import Any

from thalweg.core import registry
from thalweg.core.errors import Refusal
from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.fields.column import Column, plain
from thalweg.report._view import View
from thalweg.report.markup import text

CELLS, TILES = 6, 2
"""Fields shown in cells and as pictures, at most."""


def with_examples(results: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """The results with the raw examples of the worst mistakes, and of pairs often confused, under `examples_shown`.

    Fields of kinds that no view shows are left out, and so is everything for data that are not stored.
    """
    found = results.get("diagnosis") or {}
    told = [*((found.get("mistakes") or {}).get("worst") or []), *((found.get("confusion") or {}).get("pairs") or [])]
    rows = list(dict.fromkeys(one["row"] for one in told if one.get("row") is not None))
    if not rows or not isinstance(dataset, StoredDataset):
        return dict(results)
    return {**results, "examples_shown": examples_of(dataset, rows, _fields(dataset, _dearest(results)))}


def examples_of(dataset: StoredDataset, rows: Iterable[int], fields: Mapping[str, str]) -> dict[str, Any]:
    """Raw examples as their views keep them: `fields` with their kinds, and `rows` by number."""
    columns = dataset.examples.columns
    told = {str(row): {name: _in_row(kind, columns[name], row) for name, kind in fields.items()} for row in rows}
    return {"fields": dict(fields), "rows": told}


def pictured(dataset: StoredDataset) -> dict[str, str]:
    """The input fields that are shown as pictures, with their kinds."""
    return {name: kind for name, kind in _fields(dataset, {}).items() if view_of(kind).tile}


def view_of(kind: str) -> View:
    """The view of a kind."""
    found: View = registry.load("view", kind)()
    return found


def shown_fields(found: Mapping[str, Any]) -> dict[str, str]:
    """The fields among what was kept whose kind has a view, with their kinds."""
    known = set(registry.names("view"))
    return {name: kind for name, kind in (found.get("fields") or {}).items() if kind in known}


def shown(kind: str, value: Any, *, named: str = "") -> str:  # noqa: ANN401 - what a view kept
    """Markup of one value that was kept, or a dash."""
    return text("–") if value is None else view_of(kind).show(value, named=named)


def _dearest(results: Mapping[str, Any]) -> dict[str, int]:
    """The place of each column among those that matter, where that was measured."""
    return {str(one["name"]): place for place, one in enumerate((results.get("importance") or {}).get("columns") or [])}


def _fields(dataset: StoredDataset, places: Mapping[str, int]) -> dict[str, str]:
    """The input fields that matter most, else the first, of those that a view shows, with their kinds."""
    known, room = set(registry.names("view")), {True: TILES, False: CELLS}
    shown = [(name, one.kind) for one in dataset.encodings.inputs for name in one.fields if one.kind in known]
    chosen: dict[str, str] = {}
    for name, kind in sorted(shown, key=lambda one: places.get(one[0], len(places))):
        tile = view_of(kind).tile
        if room[tile] and name in dataset.examples.columns:
            chosen[name] = kind
            room[tile] -= 1
    return chosen


def _in_row(kind: str, column: Column, row: int) -> Any:  # noqa: ANN401 - JSON values
    """One value of a column as its view keeps it; None where it cannot be shown (a file that is gone)."""
    try:
        value = plain(column[row])
    except (OSError, ValueError, TypeError, Refusal):
        return None
    return kept(kind, value)


def kept(kind: str, value: Any) -> Any:  # noqa: ANN401 - a raw value to JSON values
    """A raw value as its view keeps it; None where it cannot be shown."""
    try:
        return view_of(kind).keep(value)
    except (OSError, ValueError, TypeError, Refusal):
        return None
